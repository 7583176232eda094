/** A thread that tells its parent when the next request is due. The parent's own timers are whole milliseconds. */
import { parentPort } from "node:worker_threads";

export interface Ticks {
  /** By `monotonicMs`, as the first is due. */
  readonly startAt: number;
  readonly count: number;
  readonly periodMs: number;
}

/** The same in all threads, as `performance.now()` is not. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on("message", ({ startAt, count, periodMs }: Ticks) => {
  for (let tick = 0; tick < count; tick += 1) {
    const pause = startAt + tick * periodMs - monotonicMs();
    if (pause > 0) Atomics.wait(sleeper, 0, 0, pause);
    parentPort?.postMessage(tick, []);
  }
});
