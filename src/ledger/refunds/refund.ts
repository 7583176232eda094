import { type Credits, formatCredits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { refuseAmount } from "../pools/grant.ts";

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
  /** True when the reference had been refunded before: nothing was added. */
  readonly repeated: boolean;
}

interface RefundRow {
  readonly outcome: "refunded" | "repeated" | "unknown" | "exceeds";
  readonly refunded: Credits;
  readonly balance: Credits;
  readonly seq: bigint | null;
  readonly refundable: Credits | null;
}

/**
 * Reverses all or part of a charge. The credits return to the grants that the charge drew from, the newest drawn first; what
 * belongs to an expired grant goes to a refund grant that lives as long as the pool's longest-lived one.
 * Throws FareboxError `account_unknown`, `amount_out_of_range`, `charge_unknown`, `refund_exceeds_charge`.
 */
export async function refundCharge(db: Queryable, refund: NewRefund): Promise<RefundResult> {
  const { pool, seq, amount, reason, reference } = refund;
  if (amount !== "all" && amount <= 0n) refuseAmount("amount", amount);
  const [row] = await orUnknownAccount(pool.accountId, () =>
    db.query<RefundRow>(
      `SELECT outcome, refunded, balance, refund_seq AS seq, refundable
       FROM farebox.refund_charge($1, $2, $3, $4, $5, $6, $7)`,
      [pool.shard, pool.accountId, pool.creditType, seq, amount === "all" ? null : amount, reason, reference],
    ),
  );
  if (row === undefined) throw new Error("refund_charge returned nothing");
  const { outcome, refunded, balance } = row;
  if (outcome === "unknown" || outcome === "exceeds") refuseRefund(refund, row);
  return {
    refunded,
    balance,
    seq: row.seq === null ? null : Number(row.seq),
    repeated: outcome === "repeated",
  };
}

function refuseRefund({ pool, seq }: NewRefund, { outcome, refundable }: RefundRow): never {
  const detail = { accountId: pool.accountId, creditType: pool.creditType, seq };
  if (outcome === "unknown") {
    throw new FareboxError("charge_unknown", `Entry ${seq} of the pool is not a charge.`, { detail });
  }
  const left = formatCredits(refundable ?? 0n);
  throw new FareboxError("refund_exceeds_charge", `Only ${left} credits of the charge are left to refund.`, {
    detail: { ...detail, refundable: left },
  });
}
