import type { Credits } from "../../domain/credits.ts";
import type { Resolution } from "./usage-buckets.ts";

/** What lines of a report may be told apart by, besides time. By credit type they always are: kinds do not add up. */
export type UsageGroup = "account" | "endpoint" | "key";

export interface UsageReportQuery {
  /** Undefined: all accounts. */
  readonly account: { readonly accountId: string; readonly shard: number } | undefined;
  /** Undefined: all. */
  readonly creditType?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly keyId?: string | undefined;
  /**
   * `[from, to)`, widened to whole quarters of an hour. Absent: up to now by the database's clock, and from the beginning of
   * the last 24 hours, 30 days or 12 months by the resolution's calendar, the present one included; without one, 30 days.
   */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** `UTC` or the IANA name of a place's zone: `Europe/Berlin`. */
  readonly timeZone: string;
  /** Hour (at most 7 days), day (60 days), month (2 years); undefined: not by time (2 years). */
  readonly resolution?: Resolution | undefined;
  readonly groupBy: readonly UsageGroup[];
}

export interface UsageSums {
  readonly creditType: string;
  readonly requests: number;
  readonly units: number;
  readonly credits: Credits;
  /** The part of `credits` that refunds gave back, by now, of the charges of this time. */
  readonly refunded: Credits;
}

/** What is not grouped by is null. */
export interface UsageRow extends UsageSums {
  /** The bucket, `[time, timeEnd)`, cut by the period: the lines of a report never reach out of it. */
  readonly time: Date | null;
  readonly timeEnd: Date | null;
  readonly accountId: string | null;
  readonly endpoint: string | null;
  readonly keyId: string | null;
}
