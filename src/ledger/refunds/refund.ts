import { type Credits, formatCredits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { refuseAmount } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";

export interface NewRefund {
  readonly pool: PoolRef;
  /** The number of the charge's entry. */
  readonly seq: number;
  /** `"all"`: whatever of the charge was not refunded yet, which may be nothing. */
  readonly amount: Credits | "all";
  readonly reason: string;
  /** Makes the refund idempotent: unique for the charge. */
  readonly reference: string;
}

export interface RefundResult {
  readonly refunded: Credits;
  /** The pool's balance after it. */
  readonly balance: Credits;
  /** The number of the refund's entry; null when nothing was left to refund. */
  readonly seq: number | null;
  /** True when the same was asked before under this reference: nothing was added. */
  readonly repeated: boolean;
}

/** As `refund_charge` answers. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
type RefundReply =
  | ({ readonly outcome: "refunded" } & StoredRefund)
  | ({ readonly outcome: "repeated" } & StoredRefund)
  | RefundRefusal;

interface StoredRefund {
  readonly refunded: number;
  readonly balance: number;
  readonly seq: number | null;
}

type RefundRefusal =
  | { readonly outcome: "exceeds"; readonly refundable: number }
  | { readonly outcome: "too_many"; readonly most: number; readonly refundable: number }
  | { readonly outcome: "unknown" }
  | { readonly outcome: "conflict" };

/**
 * Reverses all or part of a charge. The credits return to the grants that the charge drew from, the newest drawn first; what
 * belongs to an expired grant goes to a refund grant that lives as long as the pool's longest-lived one.
 * Throws FareboxError `account_unknown`, `amount_out_of_range`, `charge_unknown`, `refund_exceeds_charge`, `refund_conflict` (the
 * reference was used for this charge with another amount; `"all"` is one of its own), `refund_too_many`.
 */
export async function refundCharge(db: Queryable, refund: NewRefund): Promise<RefundResult> {
  const { pool, seq, amount, reason, reference } = refund;
  if (amount !== "all" && amount <= 0n) refuseAmount("amount", amount);
  const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
  const [row] = await orUnknownAccount(pool.accountId, () =>
    db.query<{ reply: RefundReply }>("SELECT farebox.refund_charge($1, $2, $3, $4, $5, $6, $7) AS reply", [
      shard,
      accountNo,
      typeNo,
      seq,
      amount === "all" ? null : amount,
      reason,
      reference,
    ]),
  );
  if (row === undefined) throw new Error("refund_charge returned nothing");
  const { reply } = row;
  if (reply.outcome !== "refunded" && reply.outcome !== "repeated") refuseRefund(refund, reply);
  return {
    refunded: BigInt(reply.refunded),
    balance: BigInt(reply.balance),
    seq: reply.seq,
    repeated: reply.outcome === "repeated",
  };
}

function refuseRefund({ pool, seq, reference }: NewRefund, reply: RefundRefusal): never {
  const detail = { accountId: pool.accountId, creditType: pool.creditType, seq };
  if (reply.outcome === "unknown") {
    throw new FareboxError("charge_unknown", `Entry ${seq} of the pool is not a charge.`, { detail });
  }
  if (reply.outcome === "conflict") {
    throw new FareboxError(
      "refund_conflict",
      `The reference ${reference} was used for a refund of another amount of this charge.`,
      { detail: { ...detail, reference } },
    );
  }
  const left = formatCredits(BigInt(reply.refundable));
  if (reply.outcome === "too_many") {
    throw new FareboxError(
      "refund_too_many",
      `The charge was refunded ${reply.most} times. Refund all of the rest, ${left} credits, by leaving the amount out.`,
      { detail: { ...detail, refundable: left } },
    );
  }
  throw new FareboxError("refund_exceeds_charge", `Only ${left} credits of the charge are left to refund.`, {
    detail: { ...detail, refundable: left },
  });
}
