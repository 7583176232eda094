import type { ChargeResult, HoldState } from "../ledger.ts";

/** What `farebox.run_batch` returns, as JSON. Amounts stay below 2^53, so JSON's numbers hold them exactly. */
export type BatchReply = BatchDone | { readonly s: "fenced" | "missing" };

export interface BatchDone {
  readonly s: "done";
  /** Per pool, before its plain charges: the number of the last entry and the balance. */
  readonly seq: readonly number[];
  readonly balance: readonly number[];
  /** Pools (from 1) whose plain charges their lease or pool did not cover: they come first in `charges`. */
  readonly slow: readonly number[];
  /** kind, seq, charged, uncollected, balance. */
  readonly charges: readonly [
    readonly (ChargeResult["kind"] | "unknown")[],
    readonly (number | null)[],
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  /** Per client hold to release. */
  readonly released: readonly number[];
  /**
   * granted, available, balance, milliseconds to the next event; which cap allows less than the pool has (0 none, 1 day,
   * 2 month, 3 total), how much it is, and the milliseconds until its window ends.
   */
  readonly leases: readonly [
    readonly number[],
    readonly number[],
    readonly number[],
    readonly (number | null)[],
    readonly number[],
    readonly (number | null)[],
    readonly (number | null)[],
  ];
  /** kind, available, expiry (unix milliseconds). */
  readonly holds: readonly [
    readonly ("held" | "insufficient" | HoldState)[],
    readonly number[],
    readonly (number | null)[],
  ];
  /** Pools (from 1) of which other leases were recalled. */
  readonly recalled: readonly number[];
  /** Balance and available at the end, for each pool that was asked for. */
  readonly final: readonly number[];
}

export function parseReply(text: string): BatchReply {
  const reply: BatchReply = JSON.parse(text);
  return reply;
}

/** The element at a place that the reply must have: a shorter reply is a broken contract between SQL and code. */
export function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new Error(`run_batch's reply has no element ${index}`);
  return value;
}
