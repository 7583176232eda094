import type { Parameter, Statement } from "../database/database.ts";
import type { Work } from "./lane-work.ts";

/** Items that travel in one transaction: the parameters of one call, and the way back from its reply to the callers. */
export interface Batch {
  readonly kind: "plain" | "general";
  /** The number of the instance that sends it. */
  readonly instanceNo: number;
  readonly statement: Statement;
  parameters(shard: number, number: number): Parameter[];
  /** Tells every caller its result. Returns the items that the batch left undone, and why. */
  settle(reply: string): Leftovers;
}

export interface Leftovers {
  /** For the general batch. */
  readonly general: readonly Work[];
  /** Somebody has locked their pool: they wait for their turn alone. */
  readonly busy: readonly Work[];
}

/** The element at a place that the reply must have: a shorter reply is a broken contract between SQL and code. */
export function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new Error(`the batch's reply has no element ${index}`);
  return value;
}
