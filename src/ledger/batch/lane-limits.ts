/** Limits of one lane: the queue of one shard and its batch in flight. */
export interface LaneLimits {
  /** How long a completed Idempotency-Key can be replayed. */
  readonly idempotencyKeepSeconds: number;
  /** Waiting items. Some 200 ms of work at the speed of a busy lane: whoever waits longer is better told to come back. */
  readonly queueLength: number;
  /**
   * Items in a batch. Throughput no longer grows beyond some hundred; a batch of this size holds its locks for some ten
   * milliseconds.
   */
  readonly batchItems: number;
  /** Responses to keep for replay in a batch: together with the rest they stay far below Postgres's message limit. */
  readonly batchBodyBytes: number;
  /** Pauses between attempts while the database is not available: doubled from the first to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** After so long without the database leases and holds are refused: their requests have not begun, and may come back. */
  readonly admitForMs: number;
  /** After so long without the database, callers are refused instead of waiting; clients give up at about this time. */
  readonly retryForMs: number;
  /** Closing waits so long for batches in flight. */
  readonly closeWithinMs: number;
}

export const LANE_LIMITS: LaneLimits = {
  idempotencyKeepSeconds: 86_400,
  queueLength: 20_000,
  batchItems: 1000,
  batchBodyBytes: 16 * 1024 * 1024,
  firstPauseMs: 20,
  // A database that is back is found within it.
  longestPauseMs: 500,
  admitForMs: 600,
  retryForMs: 8000,
  closeWithinMs: 10_000,
};
