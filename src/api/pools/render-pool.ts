import { creditsToJson } from "../../domain/credits.ts";
import type { PoolBalance } from "../../ledger/ledger.ts";

type Grant = PoolBalance["grants"][number];

/** A pool as both APIs show it. */
export function renderPool({ creditType, balance, held, recurring, grants }: PoolBalance) {
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

function renderGrant({ grantId, amount, remaining, source, expiresAt }: Grant) {
  return {
    id: grantId,
    amount: creditsToJson(amount),
    remaining: creditsToJson(remaining),
    source,
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
