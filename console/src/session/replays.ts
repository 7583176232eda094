import { useSyncExternalStore } from "react";

/** Whether the change that was asked for last had been done by a click before. */
let wasDone = false;
const watchers = new Set<() => void>();

export function tellReplay(now: boolean): void {
  wasDone = now;
  for (const watch of watchers) watch();
}

export function useReplay(): boolean {
  return useSyncExternalStore(
    (watch) => {
      watchers.add(watch);
      return () => watchers.delete(watch);
    },
    () => wasDone,
  );
}
