/**
 * A terminal delivers Ctrl+C to the whole process group, and npm and the launcher pass the same signal on: what arrives
 * within this time of another is the same wish.
 */
const SAME_WISH_MS = 1_000;

/**
 * Resolves at the first SIGTERM or SIGINT. Each further one, more than a second after the one before, calls `hurry`: whoever
 * stops a process again does not want to wait.
 */
export function untilTerminated(hurry: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let last: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      const isFirst = last === undefined;
      const isSame = last !== undefined && now - last <= SAME_WISH_MS;
      if (isSame) return;
      last = now;
      if (isFirst) resolve(signal);
      else hurry();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
