/**
 * A terminal delivers Ctrl+C to the whole process group, and npm and the launcher pass the same signal on: what arrives
 * within this time of the first is the same wish.
 */
const SAME_WISH_MS = 1_000;

/**
 * Resolves at the first SIGTERM or SIGINT. A second one, more than a second later, calls `force`: whoever stopped the
 * process twice does not want to wait for requests in flight.
 */
export function untilTerminated(force: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        resolve(signal);
      } else if (now - first > SAME_WISH_MS) force();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
