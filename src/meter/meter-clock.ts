/** Monotonic time. Wall clocks of instances decide nothing (invariant I12), so the meter has none. */
export interface MeterClock {
  /** Milliseconds since some moment; never runs backwards. */
  now(): number;
  /** Runs once after so many milliseconds, unless the returned function is called before. Keeps no process alive. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: MeterClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
