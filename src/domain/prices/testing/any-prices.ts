import assert from "node:assert/strict";
import fc from "fast-check";
import { computeCharge } from "../compute-charge.ts";
import { computeKnownQuote } from "../compute-quote.ts";
import { answerFactsOf } from "../explain/described-answer.ts";
import { fieldsOfValue, UNREADABLE_BODY } from "../field-value.ts";
import { parsePrices } from "../parse-prices.ts";
import type { Price, RequestFacts } from "../price.ts";

/** Prices, requests and answers of any kind: whatever the language can say, about the same few fields. */

const NAMES = ["size", "ids", "mode", "items"] as const;
const name = fc.constantFrom(...NAMES);
const pointer = name.map((one) => `/${one}`);
const scalar = fc.constantFrom("full", "a", 1, 2, true);

const test = fc.oneof(
  fc.record({ equals: scalar }),
  fc.record({ oneOf: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ noneOf: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
  fc.record({ exists: fc.boolean() }),
  fc.record({ empty: fc.boolean() }),
  fc.record({ contains: scalar }),
  fc.record({ from: fc.integer({ min: -2, max: 9 }) }),
  fc.record({ from: fc.integer({ min: -2, max: 2 }), to: fc.integer({ min: 3, max: 9 }) }),
);
const merge = ([one, other]: readonly [object, object]): object => ({ ...one, ...other });
const requestCondition = fc
  .tuple(fc.oneof(fc.record({ body: pointer }), fc.record({ query: name, default: scalar })), test)
  .map(merge);
const answerCondition = fc
  .tuple(fc.oneof(fc.record({ body: pointer }), fc.record({ header: fc.constant("x-status") })), test)
  .map(merge);
const itemTest = test.filter((one) => !("contains" in one));
const itemCondition = fc.tuple(fc.record({ body: fc.oneof(fc.constant(""), pointer) }), itemTest).map(merge);

const amount = fc.integer({ min: 1, max: 50_000_000 }).map((micro) => (micro / 1_000_000).toFixed(6));
const field = fc.oneof(
  fc.record({ body: pointer }),
  fc.record({ query: name, split: fc.constant(",") }),
  fc.record({ query: name, default: fc.integer({ min: 1, max: 5 }) }),
);
const bound = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc
    .tuple(
      fc.constantFrom("smallest", "first", "sum"),
      fc.array(field, { minLength: 2, maxLength: 3 }),
      fc.integer({ min: 1, max: 50 }),
    )
    .map(([how, fields, max]) => ({ [how]: fields, max })),
);

const countedOrNot = fc.record(
  {
    cost: amount,
    per: fc.constantFrom("result", "10 results", "3 tokens", "token"),
    count: fc.oneof(
      fc.record({ body: pointer }),
      fc.record({ body: pointer, where: fc.array(itemCondition, { minLength: 1, maxLength: 2 }) }),
      fc.record({ body: pointer, decimal: fc.constant(true) }),
      fc.record({ header: fc.constant("x-count") }),
    ),
    atMost: bound,
    included: fc.integer({ min: 1, max: 30 }),
    round: fc.constantFrom("block", "credit", "exact"),
    uncounted: amount,
    where: fc.array(answerCondition, { maxLength: 2 }),
  },
  { requiredKeys: ["cost", "per", "count", "atMost"] },
);
/** What includes all that there can be is refused. */
const counted = countedOrNot.map(({ included, ...one }) => {
  const { atMost } = one;
  const max = typeof atMost === "number" ? atMost : atMost["max"];
  return Object.assign({}, one, included !== undefined && included < (max ?? 0) ? { included } : {});
});
const requested = fc.record({
  cost: amount,
  per: fc.constant("field"),
  count: fc.record({ request: fc.record({ body: pointer, default: fc.integer({ min: 0, max: 3 }) }) }),
  atMost: fc.integer({ min: 1, max: 20 }),
});
const fixed = fc.record(
  { cost: amount, where: fc.array(answerCondition, { maxLength: 2 }) },
  { requiredKeys: ["cost"] },
);
const sum = fc.oneof(counted, requested, fixed);

const priceForm = fc
  .record(
    {
      own: sum,
      plus: fc.array(
        fc.tuple(fc.record({ when: fc.array(requestCondition, { maxLength: 2 }) }), sum).map(merge),
        { minLength: 1, maxLength: 3 },
      ),
      least: amount,
      most: amount,
      tiers: fc
        .tuple(
          fc.constantFrom("day", "month"),
          fc.boolean(),
          fc.uniqueArray(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 3 }),
          amount,
        )
        .map(([within, whole, overs, cost]) => ({
          within,
          whole,
          steps: overs
            .toSorted((one, other) => one - other)
            .map((over, index) => ({ over, cost: index === 1 ? 0 : cost })),
        })),
    },
    { requiredKeys: ["own", "plus"] },
  )
  .map(({ own, least, most, ...rest }) => {
    const [low, high] = [Number(least ?? 0), Number(most ?? Number.MAX_VALUE)];
    const limits = low <= high ? { least, most } : { least: most, most: least };
    // Tiers have a first step for what is included.
    return Object.assign({}, own, rest, limits, "tiers" in rest ? { included: undefined } : {});
  });

/** Prices as a file has them; an unconditional one last. */
export const anyPrices: fc.Arbitrary<readonly Price[]> = fc
  .tuple(
    fc.uniqueArray(fc.array(requestCondition, { minLength: 1, maxLength: 2 }), {
      maxLength: 2,
      selector: (list) => JSON.stringify(list.map((one) => JSON.stringify(one)).sort()),
    }),
    fc.array(priceForm, { minLength: 3, maxLength: 3 }),
  )
  .map(([whens, forms]) => {
    const written = forms.slice(0, whens.length + 1).map((form, index) => {
      const when = whens[index];
      return Object.assign({ match: "POST /a", credit: "credits" }, form, when === undefined ? {} : { when });
    });
    const parsed = parsePrices(JSON.parse(JSON.stringify(written)), "prices", { creditTypes: undefined });
    assert.deepEqual(parsed.ok ? [] : parsed.problems, [], JSON.stringify(written));
    return parsed.ok ? parsed.value : [];
  });

const value = fc.oneof(
  scalar,
  fc.integer({ min: -3, max: 60 }),
  // More than any bound.
  { weight: 3, arbitrary: fc.integer({ min: 61, max: 900 }) },
  fc.double({ min: 0, max: 9, noNaN: true }),
  fc.constantFrom(null, "", "3", "0x3", "3.0", "a,b", "1e1"),
  fc.array(
    fc.oneof(scalar, fc.constant(null), fc.record({ size: scalar, mode: scalar }, { requiredKeys: [] })),
    {
      maxLength: 8,
    },
  ),
  fc.constant({}),
);
const object = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
export const anyRequest: fc.Arbitrary<RequestFacts> = fc
  .record({
    body: fc.oneof({ weight: 5, arbitrary: object }, fc.constant(undefined), fc.constant("unreadable")),
    query: fc.array(fc.tuple(name, fc.constantFrom("a", "2", "a,b,c", "", "-1", "full")), { maxLength: 3 }),
  })
  .map(({ body, query }) => ({
    method: "POST",
    path: "/a",
    pathParams: {},
    query: new URLSearchParams(query.map(([one, other]): [string, string] => [one, other])),
    header: () => undefined,
    body: body === "unreadable" ? UNREADABLE_BODY : fieldsOfValue(body),
  }));
export const anyAnswer = fc
  .record({
    body: fc.option(object, { nil: undefined }),
    headers: fc.dictionary(
      fc.constantFrom("x-count", "x-status"),
      fc.constantFrom("3", "60", "900", "a", "-1"),
    ),
  })
  .map(({ body, headers }) => answerFactsOf({ body, headers: new Map(Object.entries(headers)), bytes: 7 }));

/** Whether the answer keeps to what the request was said to return at most. */
export function keepsToBounds(
  price: Price,
  facts: RequestFacts,
  outcome: Parameters<typeof computeCharge>[1],
): boolean {
  return [price, ...(price.plus ?? [])].every((part) => {
    // One sum alone: what it is charged is within what it is quoted.
    const own = {
      ...price,
      unit: undefined,
      round: undefined,
      included: undefined,
      ...part,
      when: [],
      plus: undefined,
      least: undefined,
      most: undefined,
      where: [],
    };
    const quote = computeKnownQuote(own, facts);
    return quote === "unbounded" || computeCharge(own, outcome, facts).amount <= quote.amount;
  });
}
