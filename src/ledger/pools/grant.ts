import { randomBytes } from "node:crypto";
import { type Credits, formatCredits, MAX_CREDITS } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import { orUnknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "./pool-key.ts";

/** A block of credits to add to a pool. */
export interface NewGrant {
  readonly pool: PoolRef;
  readonly amount: Credits;
  readonly source: "topup" | "promo" | "adjustment";
  /** Makes the grant idempotent: unique in the account. */
  readonly reference?: string | undefined;
  /** Lower numbers are drawn first; {@link DEFAULT_PRIORITY} when it is not given. */
  readonly priority?: number | undefined;
  /** Null or absent: now. */
  readonly effectiveAt?: Date | null | undefined;
  /** Null or absent: never. */
  readonly expiresAt?: Date | null | undefined;
  /** Shown on the entry; the source when absent. */
  readonly reason?: string | undefined;
}

export interface GrantResult {
  readonly grantId: string;
  /** The pool's balance after it. A grant that becomes effective later does not count yet. */
  readonly balance: Credits;
  /** True when the reference had been granted before: nothing was added. */
  readonly repeated: boolean;
}

/** Of grants with the same priority the one that expires first is drawn first, which is what most plans want. */
const DEFAULT_PRIORITY = 100;

/**
 * How the ledger itself names the grants of plans, refunds and adjustments: one of an operator's with such a name would stand
 * in for one of them.
 */
const OWN_REFERENCE = /^(recurring|refund|adjustment):/;

/** As `grant_credits` answers. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface GrantReply {
  readonly outcome: "granted" | "repeated" | "conflict" | "expired" | "too_large";
  /** Null where the grant is refused. */
  readonly grantId: string | null;
  readonly balance: number;
}

/**
 * Adds credits to a pool, which comes into being with its first grant. With a reference the call can be repeated safely.
 * Throws FareboxError `account_unknown`, `amount_out_of_range`, `grant_conflict` (the reference was used for another
 * grant), `grant_reference_reserved`, `grant_expired` (it would end before it begins), `pool_too_large`.
 */
export async function grantCredits(db: Queryable, grant: NewGrant): Promise<GrantResult> {
  const { pool, amount, source } = grant;
  if (amount <= 0n || amount > MAX_CREDITS) refuseAmount("amount", amount);
  if (grant.reference !== undefined && OWN_REFERENCE.test(grant.reference)) refuseReference(grant.reference);
  const grantId = formatId("grant", randomBytes(ID_RANDOM_BYTES));
  const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
  const parameters = [
    shard,
    accountNo,
    typeNo,
    grantId,
    amount,
    grant.priority ?? DEFAULT_PRIORITY,
    grant.effectiveAt,
    grant.expiresAt,
    source,
    grant.reference ?? grantId,
    grant.reason,
  ];
  const [row] = await orUnknownAccount(pool.accountId, () =>
    db.query<{ reply: GrantReply }>(
      "SELECT farebox.grant_credits($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS reply",
      parameters,
    ),
  );
  if (row === undefined) throw new Error("grant_credits returned nothing");
  const { outcome, balance } = row.reply;
  if (outcome !== "granted" && outcome !== "repeated") refuseGrant(outcome, grant);
  return {
    grantId: row.reply.grantId ?? grantId,
    balance: BigInt(balance),
    repeated: outcome === "repeated",
  };
}

function refuseReference(reference: string): never {
  const reason = "must not begin with recurring:, refund: or adjustment:, which are the ledger's own";
  throw new FareboxError("grant_reference_reserved", `The reference ${reference} ${reason}.`, {
    detail: { reference, errors: [{ path: "reference", reason }] },
  });
}

function refuseGrant(outcome: "conflict" | "expired" | "too_large", { pool, reference }: NewGrant): never {
  const detail = { accountId: pool.accountId, creditType: pool.creditType, reference };
  if (outcome === "conflict") {
    throw new FareboxError("grant_conflict", `The reference ${reference} was used for another grant.`, {
      detail,
    });
  }
  if (outcome === "expired") {
    throw new FareboxError("grant_expired", "The grant would expire before it is effective.", { detail });
  }
  refusePoolTooLarge(pool);
}

export function refusePoolTooLarge({ accountId, creditType }: PoolRef): never {
  throw new FareboxError(
    "pool_too_large",
    `The pool would hold more than ${formatCredits(MAX_CREDITS)} credits.`,
    { detail: { accountId, creditType } },
  );
}

export function refuseAmount(field: string, amount: Credits): never {
  throw new FareboxError(
    "amount_out_of_range",
    `${field} is ${formatCredits(amount)}: it must be above 0 and at most ${formatCredits(MAX_CREDITS)} credits.`,
    { detail: { field } },
  );
}
