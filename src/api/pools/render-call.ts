import { creditsToJson } from "../../domain/credits.ts";
import { renderChargeId } from "../../domain/ids.ts";
import type { ExplainedCall } from "../../ledger/calls/explain-call.ts";

/** A call with everything that operators see. */
export function renderCall(call: ExplainedCall) {
  const { charge, entry, key, priceList, refunded } = call;
  const charged = -entry.amount;
  return {
    requestId: entry.requestId,
    charge: renderChargeId(charge),
    account: charge.accountId,
    at: entry.at.toISOString(),
    endpoint: entry.endpoint,
    key: key === undefined ? null : { id: key.keyId, name: key.name, hint: key.hint },
    status: entry.status,
    creditType: charge.creditType,
    priceList:
      priceList === undefined ? null : { ...priceList, effectiveAt: priceList.effectiveAt.toISOString() },
    price: call.price ?? null,
    candidates: [...call.candidates],
    units: entry.units,
    tiers: renderTierUse(call.tierUse),
    growth: call.growth ?? null,
    held: call.held === undefined ? null : creditsToJson(call.held),
    list: creditsToJson(call.list),
    charged: creditsToJson(charged),
    uncollected: creditsToJson(entry.uncollected),
    refunds: call.refunds.map(({ at, amount, reason, reference }) => ({
      at: at.toISOString(),
      amount: creditsToJson(amount),
      reason,
      reference,
    })),
    refunded: creditsToJson(refunded),
    net: creditsToJson(charged - refunded),
    balance: creditsToJson(entry.balance),
  };
}

function renderTierUse(use: ExplainedCall["tierUse"]) {
  if (use === undefined) return null;
  const { since, tiers, ...rest } = use;
  const applied = tiers.map(({ over, cost, units }) => ({ over, cost: creditsToJson(cost), units }));
  return { ...rest, since: since.toISOString(), applied };
}
