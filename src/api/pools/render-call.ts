import { creditsToJson } from "../../domain/credits.ts";
import { renderChargeId } from "../../domain/ids.ts";
import type { ExplainedCall, ExplainedParts } from "../../ledger/calls/explain-call.ts";

/** A call with everything that operators see. */
export function renderCall(call: ExplainedCall) {
  const { charge, entry, key, priceList, refunded } = call;
  const charged = -entry.amount;
  return {
    requestId: entry.requestId,
    charge: call.parts === undefined ? renderChargeId(charge) : null,
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
    parts: call.parts === undefined ? null : renderParts(call.parts),
  };
}

function renderParts({ total, first }: ExplainedParts) {
  const charges = first.map(({ charge, part = null, at, units, ...amounts }) => ({
    charge: renderChargeId(charge),
    part,
    at: at.toISOString(),
    units,
    list: creditsToJson(amounts.list),
    charged: creditsToJson(amounts.charged),
    refunded: creditsToJson(amounts.refunded),
  }));
  return { total, charges };
}

function renderTierUse(use: ExplainedCall["tierUse"]) {
  if (use === undefined) return null;
  const { since, tiers, ...rest } = use;
  const applied = tiers.map(({ over, cost, units }) => ({ over, cost: creditsToJson(cost), units }));
  return { ...rest, since: since.toISOString(), applied };
}
