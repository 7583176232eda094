import { creditsToJson } from "../../../domain/credits.ts";
import type { ExplainedCondition } from "../../../domain/prices/explain/explain-price.ts";
import { priceToJson } from "../../../domain/prices/price-list-json.ts";
import { describePart, describePrice } from "../../../domain/prices/price-text.ts";
import type { Trial, TriedCharge, TriedQuote } from "../../../trial/trial.ts";

/** A trial as programs get it. Amounts are numbers of credits. */
export function trialToJson(trial: Trial): Record<string, unknown> {
  const { price, quote, cap, charge, refusal, seen, withoutCredits } = trial;
  return {
    request: { method: trial.method, path: trial.path },
    kind: trial.kind,
    endpoint: trial.endpoint ?? null,
    permitted: !trial.isForbidden,
    limits: trial.limits.map(({ match, requests, windowSeconds, by, counts }) => ({
      match,
      requests,
      windowSeconds,
      by,
      counts: counts ?? "requests",
    })),
    prices: trial.prices.map((one) => ({
      price: priceToJson(one.price),
      own: trial.ownPrices.has(one.price),
      text: describePrice(one.price),
      outcome: one.outcome,
      conditions: one.conditions.map(conditionToJson),
    })),
    otherPlans: trial.ofOtherPlans.map(priceToJson),
    creditType: price?.creditType ?? null,
    quote: quote === undefined ? null : quoteToJson(quote),
    cap:
      cap === undefined
        ? null
        : { window: cap.window, cap: creditsToJson(cap.cap), left: creditsToJson(cap.left) },
    charge: charge === undefined || price === undefined ? null : chargeToJson(charge, price.creditType),
    refusal:
      refusal === undefined
        ? null
        : { code: refusal.refusal.code, at: refusal.at, ...answerToJson(refusal.answer) },
    seen:
      seen === undefined ? null : { headers: Object.fromEntries(seen.headers), usage: seen.usage ?? null },
    withoutCredits: withoutCredits === undefined ? null : answerToJson(withoutCredits),
  };
}

function conditionToJson({ condition, found, holds }: ExplainedCondition): Record<string, unknown> {
  return { condition, found, holds: holds ?? null };
}

function quoteToJson({ known, heldAside, inTier, repeatsBy }: TriedQuote): Record<string, unknown> {
  const isBounded = known !== "unbounded";
  return {
    most: isBounded ? creditsToJson(known.amount) : null,
    units: isBounded ? known.units : null,
    held: creditsToJson(heldAside),
    inTier: inTier === undefined ? null : creditsToJson(inTier),
    repeatsBy: repeatsBy ?? null,
  };
}

function chargeToJson(charge: TriedCharge, creditType: string): Record<string, unknown> {
  return {
    chargedStatus: charge.isChargedStatus,
    repeat: charge.isRepeat,
    conditions: charge.conditions.map(conditionToJson),
    sums: charge.sums.map(({ part, when, where, units, amount }) => ({
      text: describePart(part, creditType),
      added: when !== false && where !== false,
      units,
      amount: creditsToJson(amount),
    })),
    tiers: charge.tiers.map(({ over, cost, units }) => ({ over, cost: creditsToJson(cost), units })),
    units: charge.units,
    amount: creditsToJson(charge.amount),
    uncollected: creditsToJson(charge.uncollected),
    countProblem: charge.countProblem ?? null,
  };
}

function answerToJson({
  status,
  headers,
  body,
}: NonNullable<Trial["withoutCredits"]>): Record<string, unknown> {
  return { status, headers: Object.fromEntries(headers), body };
}
