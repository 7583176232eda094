import { type Credits, MAX_CREDITS } from "../credits.ts";
import { countRequested } from "./compute-bound.ts";
import { computeQuote } from "./compute-quote.ts";
import { allHold, conditionHolds, itemConditions, judge, type Verdict } from "./condition.ts";
import type { FieldValue } from "./field-value.ts";
import { readKeyValue } from "./once-value.ts";
import {
  type ComputedCharge,
  type CountProblem,
  MAX_UNITS,
  NOTHING_CHARGED,
  type Outcome,
} from "./outcome.ts";
import { computePartAmount, limitAmount } from "./part-amount.ts";
import type { AnswerFacts, Condition, Count, Price, PricePart, RequestFacts } from "./price.ts";
import { atDearest, type Measured, measure } from "./tiers.ts";

/** What became of one of a price's sums. */
export interface ComputedSum {
  readonly part: PricePart;
  /** Whether its conditions hold: on the request, then on the answer. Undefined: it is not known, and counts as yes. */
  readonly when: Verdict;
  readonly where: Verdict;
  readonly units: number;
  /** The number as it was found; undefined: there is none. */
  readonly counted: number | undefined;
  readonly amount: Credits;
  readonly problem: CountProblem;
}

export interface ComputedSums {
  readonly charge: ComputedCharge;
  /** The price's own sum first. Empty where the answer was more than could be followed. */
  readonly sums: readonly ComputedSum[];
}

/**
 * What a response with a charged status costs under a price that has conditions on the answer, further sums, blocks or limits.
 * What cannot be read is never a way not to pay: a condition of which nobody knows whether it holds does, and what cannot be
 * counted costs what the price says of it.
 */
export function computeSums(
  priced: Price,
  outcome: Outcome,
  request: RequestFacts | undefined,
): ComputedSums {
  const price = atDearest(priced);
  const { answer } = outcome;
  if (answer === "over") {
    const amount =
      request === undefined ? (price.most ?? price.uncounted) : computeQuote(price, request).amount;
    return { charge: { amount, units: 0, countProblem: "too_large" }, sums: [] };
  }
  const own = computeSum(price, [], outcome, request);
  if (own.where === false) return { charge: NOTHING_CHARGED, sums: [own] };
  const sums = [
    own,
    ...(price.plus ?? []).map((extra) =>
      computeSum(extra, extra.when, { ...outcome, units: undefined, told: undefined }, request),
    ),
  ];
  const total = sums.reduce((sum, { amount }) => sum + amount, 0n);
  const limited = limitAmount(price, total);
  const charge = {
    amount: limited < MAX_CREDITS ? limited : MAX_CREDITS,
    units: own.units,
    countProblem: sums.find(({ problem }) => problem !== undefined)?.problem,
  };
  const measured = measureOwn(priced, own, total - own.amount, request);
  return { charge: measured === undefined ? charge : { ...charge, measured }, sums };
}

/** Undefined: the amount is what it is, whatever was charged before. */
function measureOwn(
  price: Price,
  { counted }: ComputedSum,
  rest: Credits,
  request: RequestFacts | undefined,
): Measured | undefined {
  const { count } = price;
  if (counted === undefined) return undefined;
  const growing = count !== undefined && "increase" in count ? count.increase : undefined;
  const value =
    growing === undefined || request === undefined ? undefined : readKeyValue(growing.field, request);
  return measure(price, counted, value, rest);
}

function computeSum(
  part: PricePart,
  conditions: readonly Condition[],
  outcome: Outcome,
  request: RequestFacts | undefined,
): ComputedSum {
  const when = allHold(conditions, (condition) =>
    request === undefined ? undefined : conditionHolds(condition, request),
  );
  const answer = outcome.answer === "over" ? undefined : outcome.answer;
  const where =
    when === false ? undefined : allHold(part.where ?? [], (condition) => judgeAnswer(condition, answer));
  if (when === false || where === false)
    return { part, when, where, units: 0, counted: undefined, amount: 0n, problem: undefined };
  if (part.per === "request")
    return { part, when, where, units: 1, counted: 1, amount: part.cost, problem: undefined };
  return { part, when, where, ...countPart(part, outcome, answer, request) };
}

function countPart(
  part: PricePart,
  { units, told }: Outcome,
  answer: AnswerFacts | undefined,
  request: RequestFacts | undefined,
): Pick<ComputedSum, "units" | "counted" | "amount" | "problem"> {
  const uncountedBy = (problem: CountProblem) =>
    ({ units: 0, counted: undefined, amount: uncounted, problem }) as const;
  const { count, uncounted } = part;
  const isRequested = count !== undefined && "request" in count;
  let found = units;
  if (count !== undefined && isRequested) {
    found = request === undefined ? undefined : (countRequested(count, request) ?? part.atMost?.max);
  } else if (count !== undefined && answer !== undefined && told !== true) {
    found = countAnswer(count, answer);
  }
  if (found === undefined) return uncountedBy("missing");
  const isDecimal = count !== undefined && "decimal" in count;
  if (!Number.isFinite(found) || found < 0 || !(isDecimal || Number.isInteger(found))) {
    return uncountedBy("not_a_whole_number");
  }
  const amount = found > MAX_UNITS ? undefined : computePartAmount(part, found);
  if (amount === undefined) return uncountedBy("too_large");
  return { units: Math.ceil(found) + 0, counted: found, amount, problem: undefined };
}

function countAnswer(count: Count, answer: AnswerFacts): number | undefined {
  if ("bytes" in count) return answer.bytes;
  if ("request" in count) return undefined;
  if ("header" in count) return readCount(toText(answer.header(count.header)), count.decimal === true);
  if (count.where !== undefined) return answer.countItems(count.body, count.where);
  return readCount(answer.read(count.body), count.decimal === true);
}

function readCount(found: FieldValue | undefined, isDecimal: boolean): number | undefined {
  if (found?.kind === "list") return found.length;
  if (found?.kind === "text") {
    const pattern = isDecimal ? /^\d{1,15}(?:\.\d{1,15})?$/ : /^\d{1,15}$/;
    return pattern.test(String(found.value).trim()) ? Number(found.value) : undefined;
  }
  // As it would be read from a header: an amount is a text to many APIs.
  if (isDecimal && typeof found?.value === "string") return readCount(toText(found.value), isDecimal);
  return typeof found?.value === "number" ? found.value : undefined;
}

/** Whether a condition on the answer holds. Of a body that is not JSON nobody knows. */
export function judgeAnswer(condition: Condition, answer: AnswerFacts | undefined): Verdict {
  if (answer === undefined) return undefined;
  if ("header" in condition)
    return judge(condition, withDefault(condition, toText(answer.header(condition.header))));
  if (!("body" in condition)) return undefined;
  if (!answer.isRead) return undefined;
  if ("contains" in condition) {
    const times = answer.countItems(condition.body, itemConditions(condition.contains));
    return times === undefined ? false : times > 0;
  }
  return judge(condition, withDefault(condition, answer.read(condition.body)));
}

function withDefault({ default: usual }: Condition, found: FieldValue | undefined): FieldValue | undefined {
  return found === undefined && usual !== undefined ? { kind: "scalar", value: usual } : found;
}

function toText(value: string | undefined): FieldValue | undefined {
  return value === undefined ? undefined : { kind: "text", value };
}
