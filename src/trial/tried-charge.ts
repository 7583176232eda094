import { chargedOn } from "../domain/prices/compute-charge.ts";
import { type ComputedSum, type ComputedSums, computeSums } from "../domain/prices/compute-sums.ts";
import { answerFactsOf } from "../domain/prices/explain/described-answer.ts";
import { explainAnswer } from "../domain/prices/explain/explain-price.ts";
import { NOTHING_CHARGED } from "../domain/prices/outcome.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { computeMeasuredAmount } from "../domain/prices/tiers.ts";
import { type DescribedCall, type DescribedResponse, headerReader } from "./described-call.ts";
import type { TriedCharge } from "./trial.ts";

const NO_SUMS: readonly ComputedSum[] = [];

/** What the answer costs under the price that applies, and how that came. */
export function computeTriedCharge(
  price: Price,
  request: RequestFacts,
  { response, balance }: DescribedCall,
  max: bigint | undefined,
): TriedCharge {
  const { status } = response;
  const answer = answerFactsOf(describeAnswer(response));
  const isChargedStatus = chargedOn(price, status);
  const { charge, sums } = isChargedStatus
    ? asFirst(computeSums(price, { status, units: undefined, answer }, request))
    : { charge: NOTHING_CHARGED, sums: NO_SUMS };
  const conditions = isChargedStatus ? explainAnswer(price.where ?? [], answer) : [];
  // What is above the quote is collected as far as there are credits, and as the caller's Credits-Max allows.
  const most = max !== undefined && max < balance ? max : balance;
  const uncollected = price.decide === "request" && charge.amount > most ? charge.amount - most : 0n;
  return { isChargedStatus, conditions, sums, uncollected, ...charge };
}

/** As if nothing had been used in the period of its tiers, and nothing been charged of a number that grows. */
function asFirst({ charge, sums }: ComputedSums): ComputedSums {
  const { measured } = charge;
  const [own, ...others] = sums;
  if (measured === undefined || own === undefined) return { charge, sums };
  const alone = { ...measured, rest: 0n, least: undefined, most: undefined };
  const { amount } = computeMeasuredAmount(measured, 0n, 0n);
  const first = { ...own, amount: computeMeasuredAmount(alone, 0n, 0n).amount };
  return { charge: { ...charge, amount, measured: undefined }, sums: [first, ...others] };
}

function describeAnswer({ headers, body }: DescribedResponse): Parameters<typeof answerFactsOf>[0] {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const read = headerReader(headers);
  return {
    body: parseJson(body),
    headers: new Map([...names].map((name) => [name, read(name) ?? ""])),
    bytes: body.length,
  };
}

/** Undefined: it is no JSON, of which a price finds nothing. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
