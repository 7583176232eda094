import { type Credits, formatCredits, MAX_CREDITS } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { refuseAmount, refusePoolTooLarge } from "./grant.ts";

export interface Adjustment {
  readonly pool: PoolRef;
  /** Signed. What is added never expires; what is taken is taken from the grants as a charge would. */
  readonly amount: Credits;
  readonly reason: string;
  /** Makes the adjustment idempotent: unique in the pool. */
  readonly reference: string;
}

export interface AdjustResult {
  readonly balance: Credits;
  /** The number of the adjustment's entry. */
  readonly seq: number;
  /** True when the reference had been used before: nothing was changed. */
  readonly repeated: boolean;
}

interface AdjustRow {
  readonly outcome: "adjusted" | "repeated" | "conflict" | "insufficient" | "too_large" | "expired";
  readonly balance: Credits;
  readonly seq: bigint | null;
  readonly available: Credits;
}

/**
 * Corrects a pool by hand. Never takes what is held for requests.
 * Throws FareboxError `account_unknown`, `amount_out_of_range`, `adjustment_conflict` (the reference was used with another
 * amount), `adjustment_exceeds_available`, `pool_too_large`.
 */
export async function adjustPool(db: Queryable, adjustment: Adjustment): Promise<AdjustResult> {
  const { pool, amount, reason, reference } = adjustment;
  if (amount === 0n || amount > MAX_CREDITS || amount < -MAX_CREDITS) refuseAmount("amount", amount);
  const [row] = await orUnknownAccount(pool.accountId, () =>
    db.query<AdjustRow>(
      "SELECT outcome, balance, seq, available FROM farebox.adjust_pool($1, $2, $3, $4, $5, $6)",
      [pool.shard, pool.accountId, pool.creditType, amount, reason, reference],
    ),
  );
  if (row === undefined) throw new Error("adjust_pool returned nothing");
  const { outcome, balance, seq } = row;
  if ((outcome !== "adjusted" && outcome !== "repeated") || seq === null) refuseAdjustment(adjustment, row);
  return { balance, seq: Number(seq), repeated: outcome === "repeated" };
}

function refuseAdjustment({ pool, reference }: Adjustment, { outcome, available }: AdjustRow): never {
  const { accountId, creditType } = pool;
  if (outcome === "conflict") {
    throw new FareboxError(
      "adjustment_conflict",
      `The reference ${reference} was used for another adjustment.`,
      { detail: { accountId, creditType, reference } },
    );
  }
  if (outcome === "insufficient") {
    const left = formatCredits(available);
    throw new FareboxError(
      "adjustment_exceeds_available",
      `Only ${left} credits of the pool are available; the rest is held.`,
      { detail: { accountId, creditType, available: left } },
    );
  }
  refusePoolTooLarge(pool);
}
