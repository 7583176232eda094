import { creditsToJson } from "../../domain/credits.ts";
import type { PoolBalance } from "../../ledger/ledger.ts";

type Grant = PoolBalance["grants"][number];

/** A pool as both APIs show it. What they show of its grants differs. */
export function renderPool<Shown>(
  { creditType, balance, held, recurring, grants }: PoolBalance,
  renderGrant: (grant: Grant) => Shown,
) {
  return {
    creditType,
    balance: creditsToJson(balance),
    held: creditsToJson(held),
    available: creditsToJson(balance - held),
    recurring: recurring && {
      amount: creditsToJson(recurring.amount),
      every: recurring.every,
      nextAt: recurring.nextAt?.toISOString() ?? null,
      rollover:
        typeof recurring.rollover === "bigint" ? creditsToJson(recurring.rollover) : recurring.rollover,
    },
    grants: grants.map(renderGrant),
  };
}

/** What both show of a grant. */
export function renderPoolGrant({ grantId, remaining, source, expiresAt }: Grant) {
  return {
    id: grantId,
    remaining: creditsToJson(remaining),
    source,
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
