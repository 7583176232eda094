import type { Credits } from "../../domain/credits.ts";
import type { PoolRow } from "./audited-pool.ts";

/** Charges of one quarter of an hour, key and endpoint; or the refunds of such charges. */
export interface UsageGroup extends PoolRow, UsageSums {
  /** Counted from 1970 on. */
  readonly quarter: number;
  readonly keyNo: number;
  readonly endpointNo: number;
  /** Credits less refunds, also of entries that are not rolled up. The sums are of those that are. */
  readonly net: Credits;
}

export interface UsageSums {
  readonly requests: bigint;
  readonly units: bigint;
  readonly credits: Credits;
  readonly refunded: Credits;
}
