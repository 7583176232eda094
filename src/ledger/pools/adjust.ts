import { type Credits, formatCredits, MAX_CREDITS } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { refuseAmount, refusePoolTooLarge } from "./grant.ts";
import { poolKeyOf } from "./pool-key.ts";

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

/** As `adjust_pool` answers. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
type AdjustReply =
  | { readonly outcome: "adjusted"; readonly balance: number; readonly seq: number }
  | { readonly outcome: "repeated"; readonly balance: number; readonly seq: number }
  | AdjustRefusal;

type AdjustRefusal =
  | { readonly outcome: "insufficient"; readonly available: number }
  | { readonly outcome: "conflict" }
  | { readonly outcome: "too_large" };

/**
 * Corrects a pool by hand. Never takes what is held for requests.
 * Throws FareboxError `account_unknown`, `amount_out_of_range`, `adjustment_conflict` (the reference was used with another
 * amount), `adjustment_exceeds_available`, `pool_too_large`.
 */
export async function adjustPool(db: Queryable, adjustment: Adjustment): Promise<AdjustResult> {
  const { pool, amount, reason, reference } = adjustment;
  if (amount === 0n || amount > MAX_CREDITS || amount < -MAX_CREDITS) refuseAmount("amount", amount);
  const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
  const [row] = await orUnknownAccount(pool.accountId, () =>
    db.query<{ reply: AdjustReply }>("SELECT farebox.adjust_pool($1, $2, $3, $4, $5, $6) AS reply", [
      shard,
      accountNo,
      typeNo,
      amount,
      reason,
      reference,
    ]),
  );
  if (row === undefined) throw new Error("adjust_pool returned nothing");
  const { reply } = row;
  if (reply.outcome !== "adjusted" && reply.outcome !== "repeated") refuseAdjustment(adjustment, reply);
  return { balance: BigInt(reply.balance), seq: reply.seq, repeated: reply.outcome === "repeated" };
}

function refuseAdjustment({ pool, reference }: Adjustment, reply: AdjustRefusal): never {
  const { accountId, creditType } = pool;
  if (reply.outcome === "conflict") {
    throw new FareboxError(
      "adjustment_conflict",
      `The reference ${reference} was used for another adjustment.`,
      { detail: { accountId, creditType, reference } },
    );
  }
  if (reply.outcome === "insufficient") {
    const left = formatCredits(BigInt(reply.available));
    throw new FareboxError(
      "adjustment_exceeds_available",
      `Only ${left} credits of the pool are available; the rest is held.`,
      { detail: { accountId, creditType, available: left } },
    );
  }
  refusePoolTooLarge(pool);
}
