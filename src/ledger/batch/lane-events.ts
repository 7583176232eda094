/** What a lane tells whoever watches it; see docs/reference/metrics.md. */
export interface LaneEvents {
  /** A batch was answered: how many items it was sent with, and milliseconds from its sending to its answer. */
  batchDone(kind: "plain" | "general", items: number, ms: number): void;
  /** A batch is sent once more, or in another way, and why. */
  batchRetried(
    reason: "unknown outcome" | "database away" | "lane locked" | "locked" | "statement time-out",
  ): void;
  /** Items wait apart because somebody has locked their pools: those of a batch, or that came when the pool was known to be locked. */
  poolsBusy(items: number): void;
  /** Such an item was served, or refused, after so many milliseconds. */
  busyServed(ms: number): void;
}

export const NO_LANE_EVENTS: LaneEvents = {
  batchDone: () => undefined,
  batchRetried: () => undefined,
  poolsBusy: () => undefined,
  busyServed: () => undefined,
};
