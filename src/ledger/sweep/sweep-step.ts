/** What there may be to do in a shard, as `farebox.work_due` says it. */
export type DueWork = "active" | "dead" | "due";

/** The shards of the ledger, and those in which there is work of a kind. */
export interface Shards {
  readonly all: readonly number[];
  readonly with: (work: DueWork) => readonly number[];
}

/** Who is dead. */
export interface DeathRule {
  /** An instance that the database has not seen for so long is dead. */
  readonly deadAfterMs: number;
  /** In which shards who is silent may be called dead; left out: in all. */
  readonly isSteady?: (shard: number) => boolean;
}

/** What one run of a step did. */
export interface StepDone {
  /** Pools, rows or accounts. */
  readonly done: number;
  /** It stopped at its limit: the next pass comes soon. */
  readonly isMore?: boolean;
  /** It began behind some that had stayed in front of its list: that it met nothing wrong is no success of the whole. */
  readonly isPart?: boolean;
  /** A part was refused by the database, and passed: what is wrong with it. The rest is done. */
  readonly passed?: Error | undefined;
}

/**
 * One kind of tidying. Its transactions are short and lock at most one pool each; it does a bounded number of them in one run. It may
 * be run by any number of processes at once.
 */
export interface SweepStep {
  /** As it stands in `farebox.sweep_steps`, in the log and as the metric's label. */
  readonly name: string;
  /** It runs when shards have such work, and every so often in any case. */
  readonly when?: DueWork;
  /** Null: only when shards have its work. 0: in every pass. */
  readonly everyMs: number | null;
  /** How long it rests after a failure; left out: as all do, longer each time. */
  readonly retryMs?: number;
  /** `isFull`: not only the shards that have its work. */
  run(shards: Shards, isFull: boolean): Promise<StepDone>;
}
