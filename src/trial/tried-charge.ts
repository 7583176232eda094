import { chargedOn } from "../domain/prices/compute-charge.ts";
import { type ComputedSum, type ComputedSums, computeSums } from "../domain/prices/compute-sums.ts";
import { answerFactsOf } from "../domain/prices/explain/described-answer.ts";
import { explainAnswer } from "../domain/prices/explain/explain-price.ts";
import { NOTHING_CHARGED } from "../domain/prices/outcome.ts";
import { toMicroUnits } from "../domain/prices/part-amount.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { computeMeasuredAmount, divideByTiers } from "../domain/prices/tiers.ts";
import { type DescribedCall, type DescribedResponse, headerReader } from "./described-call.ts";
import type { TriedCharge } from "./trial.ts";

const NO_SUMS: readonly ComputedSum[] = [];

/** What the answer costs under the price that applies, and how that came. */
export function computeTriedCharge(
  price: Price,
  request: RequestFacts,
  { response, balance, used, charged }: DescribedCall,
  { max, isRepeat }: { readonly max: bigint | undefined; readonly isRepeat: boolean },
): TriedCharge {
  const { status } = response;
  const answer = answerFactsOf(describeAnswer(response));
  const isChargedStatus = chargedOn(price, status);
  const { charge, sums, tiers } = isChargedStatus
    ? after({ used, charged }, computeSums(price, { status, units: undefined, answer }, request))
    : { charge: NOTHING_CHARGED, sums: NO_SUMS, tiers: [] };
  const conditions = isChargedStatus ? explainAnswer(price.where ?? [], answer) : [];
  // What is above the quote is collected as far as there are credits, and as the caller's Credits-Max allows.
  const most = max !== undefined && max < balance ? max : balance;
  const amount = isRepeat ? 0n : charge.amount;
  const uncollected = price.decide === "request" && amount > most ? amount - most : 0n;
  return { isChargedStatus, isRepeat, conditions, sums, tiers, uncollected, ...charge, amount };
}

/** As it is when so much was used in the period of its tiers, and so much was charged of a number that grows. */
function after(
  before: Pick<DescribedCall, "used" | "charged">,
  { charge, sums }: ComputedSums,
): ComputedSums & Pick<TriedCharge, "tiers"> {
  const { measured } = charge;
  const [own, ...others] = sums;
  if (measured === undefined || own === undefined) return { charge, sums, tiers: [] };
  const [used, charged] = [toMicroUnits(before.used), toMicroUnits(before.charged)];
  const alone = { ...measured, rest: 0n, least: undefined, most: undefined };
  const { amount, quantity, units } = computeMeasuredAmount(measured, used, charged);
  const first = { ...own, amount: computeMeasuredAmount(alone, used, charged).amount };
  const tiers = measured.counter === undefined ? [] : divideByTiers(measured, used, quantity);
  return {
    charge: { ...charge, amount, units: Math.ceil(fromMicroUnits(units)), measured: undefined },
    sums: [first, ...others],
    tiers: tiers.map(({ over, cost, quantity: part }) => ({
      over: fromMicroUnits(over),
      cost,
      units: fromMicroUnits(part),
    })),
  };
}

function fromMicroUnits(units: bigint): number {
  return Number(units) / 1_000_000;
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
