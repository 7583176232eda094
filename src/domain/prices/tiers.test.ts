import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { computeCharge } from "./compute-charge.ts";
import { computeKnownQuote, computeQuoteInTier } from "./compute-quote.ts";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, RequestFacts } from "./price.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";
import { describePrices } from "./price-text.ts";
import { Repricer } from "./reprice-charge.ts";
import { requestReadsOf } from "./request-reads.ts";
import { computeMeasuredAmount, type Measured } from "./tiers.ts";

function parse(written: unknown): Price {
  const parsed = parsePrices([written], "prices", { creditTypes: ["credits"] });
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  const [price] = parsed.ok ? parsed.value : [];
  assert.ok(price !== undefined);
  return price;
}

function problemOf(written: unknown): string | undefined {
  const parsed = parsePrices([written], "prices", { creditTypes: ["credits"] });
  return parsed.ok ? undefined : parsed.problems[0]?.path;
}

const STEPS = [
  { over: 100, cost: 0.5 },
  { over: 1000, cost: 0 },
];
const SEARCH = {
  match: "POST /search",
  cost: 1,
  per: "result",
  count: { body: "/data" },
  atMost: { body: "/size", default: 10, max: 50 },
  tiers: { within: "month", steps: STEPS },
};
const FACTS: RequestFacts = {
  method: "POST",
  path: "/search",
  pathParams: { id: "job_1" },
  query: new URLSearchParams(),
  header: () => undefined,
  body: fieldsOfValue({ size: 20 }),
};
const UNIT = 1_000_000n;

function measuredOf(price: Price, units: number): Measured {
  const { measured } = computeCharge(price, { status: 200, units }, FACTS);
  assert.ok(measured !== undefined);
  return measured;
}

describe("tiers", () => {
  it("set the dearest aside, and charge what each unit's tier says", () => {
    const price = parse(SEARCH);
    assert.deepEqual(computeKnownQuote(price, FACTS), { amount: 20_000_000n, units: 20 });
    assert.equal(computeQuoteInTier(price, FACTS, 95n * UNIT), 12_500_000n);
    assert.equal(computeQuoteInTier(price, FACTS, 5_000n * UNIT), 0n);
    const charge = computeCharge(price, { status: 200, units: 8 }, FACTS);
    assert.deepEqual([charge.amount, charge.units], [8_000_000n, 8]);
    const at = (used: bigint): bigint => computeMeasuredAmount(measuredOf(price, 8), used * UNIT, 0n).amount;
    assert.deepEqual(
      [at(0n), at(92n), at(95n), at(100n), at(996n), at(2_000n)],
      [8_000_000n, 8_000_000n, 6_500_000n, 4_000_000n, 2_000_000n, 0n],
    );
  });

  it("charge a whole call by the tier in which it begins where they say so", () => {
    const price = parse({ ...SEARCH, tiers: { ...SEARCH.tiers, whole: true } });
    const at = (used: bigint): bigint => computeMeasuredAmount(measuredOf(price, 8), used * UNIT, 0n).amount;
    assert.deepEqual([at(99n), at(100n), at(1_000n)], [8_000_000n, 4_000_000n, 0n]);
  });

  it("may begin free, and cost the dearest where nothing can be counted", () => {
    const price = parse({ ...SEARCH, cost: 0, tiers: { within: "day", steps: [{ over: 1000, cost: 2 }] } });
    assert.equal(price.uncounted, 2_000_000n);
    assert.deepEqual(computeCharge(price, { status: 200, units: undefined }, FACTS), {
      amount: 2_000_000n,
      units: 0,
      countProblem: "missing",
    });
    const measured = measuredOf(price, 3);
    assert.equal(computeMeasuredAmount(measured, 998n * UNIT, 0n).amount, 2_000_000n);
    assert.equal(computeMeasuredAmount(measured, 0n, 0n).amount, 0n);
  });

  it("go with further sums and limits, per request too", () => {
    const price = parse({
      match: "POST /search",
      cost: 3,
      tiers: { within: "week", steps: [{ over: 2, cost: 1 }], counter: "all searches" },
      plus: [{ when: { body: "/size", exists: true }, cost: 2 }],
      least: 4,
      most: 5,
    });
    const measured = measuredOf(price, 1);
    assert.deepEqual(measured.counter, { name: "counter all searches", within: "week" });
    assert.equal(computeMeasuredAmount(measured, 0n, 0n).amount, 5_000_000n);
    assert.equal(computeMeasuredAmount(measured, 2n * UNIT, 0n).amount, 4_000_000n);
  });

  it("count begun blocks as whole ones", () => {
    const price = parse({
      ...SEARCH,
      per: "10 results",
      tiers: { within: "month", steps: [{ over: 100, cost: 0.5 }] },
    });
    const { amount, quantity } = computeMeasuredAmount(measuredOf(price, 12), 90n * UNIT, 0n);
    assert.deepEqual([amount, quantity], [1_500_000n, 20n * UNIT]);
  });

  it("are written, read again, and told in words", () => {
    const list = {
      prices: [parse({ ...SEARCH, tiers: { ...SEARCH.tiers, whole: true, counter: "all" } })],
      unpriced: "free" as const,
    };
    const stored = JSON.parse(priceListText(list));
    assert.equal(stored.language, 3);
    assert.deepEqual(parsePriceList(stored, 1), { ok: true, value: { version: 1, ...list } });
    assert.equal(
      describePrices([parse(SEARCH)], ""),
      "1 credit per result, at most 50 results a request, 0.5 credits over 100 and 0 credits over 1000 in a month, charged when successful",
    );
  });

  it("are refused where they are no tiers", () => {
    const wrong = (tiers: unknown): string | undefined => problemOf({ ...SEARCH, tiers });
    const good = SEARCH.tiers;
    for (const [tiers, path] of [
      [{ steps: STEPS }, "prices[0].tiers.within"],
      [{ ...good, within: "hour" }, "prices[0].tiers.within"],
      [{ ...good, steps: [] }, "prices[0].tiers.steps"],
      [{ ...good, steps: [...STEPS, { over: 1000, cost: 1 }] }, "prices[0].tiers.steps[2].over"],
      [{ ...good, steps: [{ over: 0, cost: 1 }] }, "prices[0].tiers.steps[0].over"],
      [{ ...good, steps: [{ over: 1.5, cost: 1 }] }, "prices[0].tiers.steps[0].over"],
      [{ ...good, steps: [{ over: 5, cost: -1 }] }, "prices[0].tiers.steps[0].cost"],
      [{ ...good, whole: "yes" }, "prices[0].tiers.whole"],
      [{ ...good, counter: "" }, "prices[0].tiers.counter"],
      [{ ...good, other: 1 }, "prices[0].tiers.other"],
    ] as const)
      assert.equal(wrong(tiers), path);
    assert.equal(
      problemOf({ ...SEARCH, cost: 0, tiers: { within: "day", steps: [{ over: 1, cost: 0 }] } }),
      "prices[0].cost",
    );
    assert.equal(problemOf({ match: "GET /a", free: true, tiers: good }), "prices[0].tiers");
  });

  it("are simulated between their cheapest and dearest, and found again by an amount that they can give", () => {
    const before = {
      version: 1,
      prices: [parse({ ...SEARCH, tiers: undefined })],
      unpriced: "free" as const,
    };
    const after = { version: 2, prices: [parse(SEARCH)], unpriced: "free" as const };
    const charge = {
      endpoint: "POST /search",
      creditType: "credits",
      status: 200,
      units: 8,
      amount: 8_000_000n,
    };
    const repriced = new Repricer(before, after).reprice(charge);
    assert.deepEqual(
      [repriced.reason, repriced.amounts.get("credits")],
      ["tiers_unknown", { least: 0n, most: 8_000_000n }],
    );
    const tiered = { ...charge, amount: 6_500_000n };
    const again = new Repricer(after, { ...after, version: 3 }).reprice(tiered);
    assert.deepEqual(
      [again.reason, again.amounts.get("credits")],
      [undefined, { least: 6_500_000n, most: 6_500_000n }],
    );
  });
});

describe("the increase of a number", () => {
  const CRAWL = {
    match: "GET /crawl/{id}",
    cost: 2,
    per: "page",
    count: { body: "/completed", increase: { key: { path: "id" }, within: "30d" } },
    atMost: 100,
  };

  it("is what is charged; the quote is the whole number", () => {
    const price = parse(CRAWL);
    assert.equal(computeQuoteInTier(price, FACTS, 0n), undefined);
    const charge = computeCharge(price, { status: 200, units: 7 }, FACTS);
    assert.equal(charge.amount, 14_000_000n);
    assert.deepEqual(charge.measured?.increase, { value: '"job_1"', withinSeconds: 30 * 86_400 });
    const measured = measuredOf(price, 7);
    const after = (charged: bigint) => computeMeasuredAmount(measured, 0n, charged * UNIT);
    assert.deepEqual(
      [after(0n).amount, after(3n).amount, after(3n).units],
      [14_000_000n, 8_000_000n, 4n * UNIT],
    );
    assert.deepEqual([after(7n).amount, after(9n).amount], [0n, 0n]);
  });

  it("is read where the request says whose number it is; without that all of it counts", () => {
    const price = parse({
      ...CRAWL,
      match: "POST /status",
      count: { header: "x-done", increase: { key: { body: "/job" }, within: "1d" } },
    });
    assert.deepEqual(requestReadsOf([price])?.body?.pointers, ["/job"]);
    assert.equal(computeCharge(price, { status: 200, units: 7 }, FACTS).measured, undefined);
  });

  it("is written, read again, told in words, and refused where it means nothing", () => {
    const list = { prices: [parse(CRAWL)], unpriced: "free" as const };
    const stored = JSON.parse(priceListText(list));
    assert.equal(stored.language, 3);
    assert.deepEqual(parsePriceList(stored, 1), { ok: true, value: { version: 1, ...list } });
    assert.match(
      describePrices(list.prices, ""),
      /^2 credits per page more than were charged for the same path parameter `id`, at most/,
    );
    const increase = CRAWL.count.increase;
    for (const [change, path] of [
      [{ count: { bytes: true, increase } }, "prices[0].count.increase"],
      [
        { count: { body: "/n", increase: { key: { path: "job" }, within: "1d" } } },
        "prices[0].count.increase.key.path",
      ],
      [{ count: { body: "/n", increase: { key: { path: "id" } } } }, "prices[0].count.increase.within"],
      [{ least: 1 }, "prices[0].least"],
      [
        { plus: [{ cost: 1, per: "result", count: CRAWL.count, atMost: 1 }] },
        "prices[0].plus[0].count.increase",
      ],
    ] as const)
      assert.equal(problemOf({ ...CRAWL, ...change }), path);
  });
});
