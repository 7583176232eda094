import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_CREDITS } from "../credits.ts";
import { computeCharge } from "./compute-charge.ts";
import { computeKnownQuote } from "./compute-quote.ts";
import { answerFactsOf } from "./explain/described-answer.ts";
import { fieldsOfValue, UNREADABLE_BODY } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import { computePartAmount, roundingOf } from "./part-amount.ts";
import type { Price, PricePart, RequestFacts } from "./price.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";
import { selectPrice } from "./select-price.ts";
import { computeMeasuredAmount } from "./tiers.ts";

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
const prices: fc.Arbitrary<readonly Price[]> = fc
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
      return Object.assign({ match: "POST /a" }, form, when === undefined ? {} : { when });
    });
    const parsed = parsePrices(JSON.parse(JSON.stringify(written)), "prices", { creditTypes: ["credits"] });
    assert.deepEqual(parsed.ok ? [] : parsed.problems, [], JSON.stringify(written));
    return parsed.ok ? parsed.value : [];
  });

const value = fc.oneof(
  scalar,
  fc.integer({ min: -3, max: 60 }),
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
const request: fc.Arbitrary<RequestFacts> = fc
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
const answer = fc
  .record({
    body: fc.option(object, { nil: undefined }),
    headers: fc.dictionary(fc.constantFrom("x-count", "x-status"), fc.constantFrom("3", "60", "a", "-1")),
  })
  .map(({ body, headers }) => answerFactsOf({ body, headers: new Map(Object.entries(headers)), bytes: 7 }));

/** Whether the answer keeps to what the request was said to return at most. */
function keepsToBounds(
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

describe("the price language, whatever is written in it", () => {
  it("is stored and read again as the same list", () => {
    fc.assert(
      fc.property(prices, (list) => {
        const text = priceListText({ prices: list, unpriced: "free" });
        const parsed = parsePriceList(JSON.parse(text), 1);
        assert.ok(parsed.ok);
        assert.deepEqual(parsed.value.prices, list);
        assert.equal(priceListText(parsed.value), text);
      }),
    );
  });

  it("never charges more than the quote while the answer keeps to the bounds, nor ever more than most", () => {
    let kept = 0;
    let measured = 0;
    fc.assert(
      fc.property(prices, request, answer, fc.nat(60), (list, facts, found, units) => {
        const price = selectPrice(list, facts);
        assert.ok(price !== undefined);
        const quote = computeKnownQuote(price, facts);
        assert.ok(quote !== "unbounded");
        const outcome = { status: 200, units, answer: found };
        const charge = computeCharge(price, outcome, facts);
        assert.ok(charge.amount >= 0n && charge.amount <= MAX_CREDITS);
        assert.ok(Number.isSafeInteger(charge.units) && charge.units >= 0);
        if (charge.measured !== undefined) {
          // Whatever was used before: no tier asks for more than the dearest, and the same as what is not measured where nothing differs.
          const { amount: exact } = computeMeasuredAmount(charge.measured, BigInt(units) * 1_500_000n, 0n);
          assert.ok(exact <= charge.amount, `${exact} above ${charge.amount}`);
          const dearest = charge.measured.costs.reduce((one, [, cost]) => (one > cost ? one : cost), 0n);
          const flat = { ...charge.measured, costs: [[0n, dearest] as const] };
          assert.equal(computeMeasuredAmount(flat, 7n, 0n).amount, charge.amount);
          measured += 1;
        }
        if (price.most !== undefined) assert.ok(charge.amount <= price.most && quote.amount <= price.most);
        if (!keepsToBounds(price, facts, outcome)) return;
        kept += 1;
        assert.ok(charge.amount <= quote.amount, `${charge.amount} above ${quote.amount}`);
      }),
      { numRuns: 400 },
    );
    assert.ok(kept > 40, `only ${kept} kept to the bounds`);
    assert.ok(measured > 40, `only ${measured} had tiers`);
  });

  it("costs what is quoted where the answer is more than can be followed", () => {
    fc.assert(
      fc.property(prices, request, (list, facts) => {
        const price = selectPrice(list, facts);
        assert.ok(price !== undefined);
        const quote = computeKnownQuote(price, facts);
        const { amount: charged } = computeCharge(
          price,
          { status: 200, units: undefined, answer: "over" },
          facts,
        );
        assert.equal(charged, quote === "unbounded" ? undefined : quote.amount);
      }),
    );
  });

  it("gives a request of which nothing can be read no lower quote than any request", () => {
    fc.assert(
      fc.property(prices, request, (list, facts) => {
        const dearest = { ...facts, body: UNREADABLE_BODY };
        const quoteOf = (one: RequestFacts): bigint => {
          const price = selectPrice(list, one);
          assert.ok(price !== undefined);
          const quote = computeKnownQuote(price, one);
          return quote === "unbounded" ? MAX_CREDITS : quote.amount;
        };
        // A number in the body above `max` is the upstream's to cut: only what the request counts itself may be more.
        const counts = list.some((price) =>
          [price, ...(price.plus ?? [])].some(({ count }) => count !== undefined && "request" in count),
        );
        if (!counts) assert.ok(quoteOf(facts) <= quoteOf(dearest));
      }),
    );
  });
});

describe("amounts", () => {
  const part = (cost: bigint, size: number, round: PricePart["round"], included?: number): PricePart => ({
    cost,
    included,
    per: "result",
    unit: { size, name: "results" },
    round,
    count: undefined,
    atMost: undefined,
    uncounted: cost,
  });

  it("are those of a reference that counts in billionths", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 9n }),
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom("block" as const, "credit", "exact", undefined),
        fc.integer({ min: 0, max: 10 ** 9 }),
        fc.integer({ min: 0, max: 6 }),
        fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
        (cost, size, round, digits, decimals, included) => {
          const units = Number(`${digits}e-${decimals}`);
          const one = part(cost, size, round, included);
          // The same in fractions: `digits` ten-to-the-minus-`decimals`ths of a result, of `size` to a block.
          const beyond = BigInt(digits) - BigInt(included ?? 0) * 10n ** BigInt(decimals);
          const [above, below] = [beyond > 0n ? beyond : 0n, 10n ** BigInt(decimals) * BigInt(size)];
          const up = (left: bigint, right: bigint): bigint => left / right + (left % right === 0n ? 0n : 1n);
          const rounding = roundingOf(one);
          const expected =
            rounding === "block"
              ? cost * up(above, below)
              : rounding === "exact"
                ? up(cost * above, below)
                : up(up(cost * above, below), 1_000_000n) * 1_000_000n;
          assert.equal(computePartAmount(one, units), expected <= MAX_CREDITS ? expected : undefined);
        },
      ),
    );
  });
});
