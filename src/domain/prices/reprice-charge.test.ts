import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { computeCharge } from "./compute-charge.ts";
import { ABSENT_BODY } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { PriceList, RequestFacts } from "./price.ts";
import { buildPriceTable } from "./price-table.ts";
import { type RecordedCharge, Repricer } from "./reprice-charge.ts";
import { selectPrice } from "./select-price.ts";

const CREDIT_TYPES = ["credits", "search"];

function listOf(prices: readonly unknown[], version = 1): PriceList {
  const parsed = parsePrices(prices, "prices", { creditTypes: undefined });
  assert.ok(parsed.ok, parsed.ok ? "" : JSON.stringify(parsed.problems));
  return { version, prices: parsed.value, unpriced: "free" };
}

/** Prices of a small world, so that two lists have matches that are the same, overlap and contain one another. */
const when = fc.constantFrom(
  { query: "mode", equals: "full" },
  { query: "mode", equals: "lite" },
  { query: "live", exists: true },
  { path: "id", equals: "b" },
  [
    { query: "mode", equals: "full" },
    { query: "live", exists: true },
  ],
);
const MATCHES = ["GET /a", "GET /a/b", "GET /a/{id}", "GET /a/*", "* /a/{id}", "* /*", "GET /{id}/b"];
const written = fc
  .record({
    cost: fc.integer({ min: 1, max: 4 }),
    credit: fc.constantFrom(...CREDIT_TYPES),
    on: fc.constantFrom("success", "processed", [404]),
    shape: fc.constantFrom("request", "result", "result", "free"),
    count: fc.constantFrom({ body: "/data" }, { body: "/results" }),
    uncounted: fc.integer({ min: 0, max: 5 }),
    included: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    once: fc.option(fc.constantFrom("1h", "1d"), { nil: undefined }),
  })
  .map(({ cost, credit, on, shape, count, uncounted, included, once }) => {
    if (shape === "free") return { free: true, credit };
    const results = shape === "result" ? { per: "result", count, atMost: 10, uncounted, included } : {};
    const window = once === undefined ? {} : { once: { key: { query: "ip" }, within: once } };
    return Object.assign({ cost, credit, on }, results, window);
  });
const endpoint = (match: string) =>
  fc
    .tuple(
      fc.uniqueArray(fc.tuple(when, written), { maxLength: 2, selector: ([first]) => JSON.stringify(first) }),
      fc.option(written, { nil: undefined }),
    )
    .map(([conditional, last]) => {
      const prices: object[] = conditional
        .filter(([condition]) => !JSON.stringify(condition).includes("path") || match.includes("{id}"))
        .map(([condition, price]) => Object.assign({ match, when: condition }, price));
      return last === undefined ? prices : prices.concat(Object.assign({ match }, last));
    });
const anyList = fc
  .subarray(MATCHES)
  .chain((matches) => fc.tuple(...matches.map(endpoint)))
  .map((endpoints) => listOf(endpoints.flat()));

/** A list, and another one that shares some of its endpoints, has other prices for some, and lacks some. */
const anyChange = fc
  .tuple(
    ...MATCHES.map((match) =>
      fc.record({
        one: endpoint(match),
        other: endpoint(match),
        old: fc.boolean(),
        young: fc.constantFrom("one", "one", "other", "none"),
      }),
    ),
  )
  .map((endpoints) => ({
    before: listOf(endpoints.flatMap(({ one, old }) => (old ? one : []))),
    after: listOf(
      endpoints.flatMap(({ young, ...prices }) => (young === "none" ? [] : prices[young])),
      2,
    ),
  }));

const anyCall = fc.record({
  path: fc.constantFrom("/a", "/a/b", "/a/c", "/x/b", "/a/b/c"),
  mode: fc.constantFrom("full", "lite", undefined),
  live: fc.boolean(),
  status: fc.constantFrom(200, 404),
  results: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
});
type Call = typeof anyCall extends fc.Arbitrary<infer T> ? T : never;

/** What a list makes of a call: the charge as the ledger records it, or undefined when nothing is charged. */
function charge(list: PriceList, call: Call): RecordedCharge | undefined {
  const match = buildPriceTable(list).find("GET", call.path);
  if (match === undefined) return undefined;
  const query = new URLSearchParams();
  if (call.mode !== undefined) query.set("mode", call.mode);
  if (call.live) query.set("live", "1");
  const { endpoint: name, candidates, pathParams } = match;
  const facts: RequestFacts = {
    method: "GET",
    path: call.path,
    pathParams,
    query,
    header: () => undefined,
    body: ABSENT_BODY,
  };
  const price = selectPrice(candidates, facts);
  if (price === undefined) return undefined;
  const { status } = call;
  const { amount, units } = computeCharge(price, { status, units: call.results });
  if (amount === 0n) return undefined;
  return { endpoint: name, creditType: price.creditType, status, units, amount };
}

describe("repricing a charge", () => {
  it("by the very list that priced it gives exactly what was charged", () => {
    fc.assert(
      fc.property(anyList, anyCall, (list, call) => {
        const recorded = charge(list, call);
        fc.pre(recorded !== undefined);
        const { amounts, reason } = new Repricer(list, list).reprice(recorded);
        const { amount, creditType } = recorded;
        assert.deepEqual([...amounts], [[creditType, { least: amount, most: amount }]]);
        assert.equal(reason, undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it("by a list with doubled costs gives the double", () => {
    const doubled = ({ prices, ...list }: PriceList): PriceList => ({
      ...list,
      prices: prices.map((price) =>
        Object.assign({}, price, { cost: price.cost * 2n, uncounted: price.uncounted * 2n }),
      ),
    });
    fc.assert(
      fc.property(anyList, anyCall, (list, call) => {
        const recorded = charge(list, call);
        fc.pre(recorded !== undefined);
        const twice = recorded.amount * 2n;
        const { amounts } = new Repricer(list, doubled(list)).reprice(recorded);
        assert.deepEqual([...amounts], [[recorded.creditType, { least: twice, most: twice }]]);
      }),
      { numRuns: 1000 },
    );
  });

  it("by any other list never leaves out what that list would really have charged", () => {
    let exact = 0;
    fc.assert(
      fc.property(anyChange, anyCall, ({ before, after }, call) => {
        const recorded = charge(before, call);
        fc.pre(recorded !== undefined);
        const truth = charge(after, call);
        const { amounts, reason } = new Repricer(before, after).reprice(recorded);
        for (const creditType of CREDIT_TYPES) {
          const { least, most } = amounts.get(creditType) ?? { least: 0n, most: 0n };
          const amount = truth?.creditType === creditType ? truth.amount : 0n;
          assert.ok(least <= amount && amount <= most, `${creditType}: ${least} to ${most}, not ${amount}`);
          if (least !== most) assert.notEqual(reason, undefined);
        }
        if ([...amounts.values()].some(({ least, most }) => least === most && most > 0n)) exact += 1;
      }),
      { numRuns: 3000 },
    );
    assert.ok(exact > 300, `${exact} were exact: the test would see nothing else`);
  });
});

describe("why a charge is 0, or not known exactly", () => {
  const full = { match: "GET /a", when: { query: "mode", equals: "full" }, cost: 5 };
  const rest = { match: "GET /a", cost: 1 };
  const perResult = { match: "GET /a", cost: 2, per: "result", count: { body: "/data" }, atMost: 10 };
  const once = (within: string) => ({ ...rest, once: { key: { query: "ip" }, within } });
  const cases: [
    string,
    unknown[],
    unknown[],
    Partial<RecordedCharge>,
    [bigint, bigint],
    string | undefined,
  ][] = [
    ["it costs more", [rest], [{ ...rest, cost: 3 }], {}, [3n, 3n], undefined],
    ["no price for this match", [rest], [{ match: "GET /b", cost: 1 }], {}, [0n, 0n], "no_price"],
    ["a broader match has it now", [rest], [{ match: "* /*", cost: 4 }], {}, [4n, 4n], undefined],
    ["free now", [rest], [{ match: "GET /a", free: true }], {}, [0n, 0n], "free"],
    [
      "its status is not charged any more",
      [{ ...rest, on: "processed" }],
      [rest],
      { status: 404 },
      [0n, 0n],
      "status_not_charged",
    ],
    ["conditions where there were none", [rest], [full, rest], {}, [1n, 5n], "conditions_unknown"],
    [
      "the same conditions, told by the amount",
      [full, rest],
      [{ ...full, cost: 7 }, rest],
      { amount: 5n },
      [7n, 7n],
      undefined,
    ],
    [
      "the other one of them",
      [full, rest],
      [{ ...full, cost: 7 }, rest],
      { amount: 1n },
      [1n, 1n],
      undefined,
    ],
    ["results that were not counted", [rest], [perResult], {}, [0n, 20n], "results_unknown"],
    [
      "results without a bound",
      [rest],
      [{ ...perResult, atMost: undefined, decide: "answer" }],
      {},
      [0n, 1_000_000_000n],
      "results_unknown",
    ],
    [
      "what is decided on the answer",
      [perResult],
      [{ ...perResult, decide: "answer" }],
      { amount: 8n, units: 4 },
      [8n, 8n],
      undefined,
    ],
    [
      "results that were",
      [perResult],
      [{ ...perResult, cost: 3 }],
      { amount: 8n, units: 4 },
      [12n, 12n],
      undefined,
    ],
    [
      "results that could not be counted",
      [perResult],
      [{ ...perResult, uncounted: 9 }],
      { amount: 2n, units: 0 },
      [9n, 9n],
      undefined,
    ],
    [
      "results counted elsewhere",
      [perResult],
      [{ ...perResult, count: { body: "/x" } }],
      { amount: 8n, units: 4 },
      [0n, 20n],
      "results_unknown",
    ],
    ["per request instead of per result", [perResult], [rest], { amount: 8n, units: 4 }, [1n, 1n], undefined],
    ["a window where there was none", [rest], [once("1d")], {}, [0n, 1n], "repeats_unknown"],
    ["a shorter window", [once("1d")], [once("1h")], {}, [1n, 1n], undefined],
    ["a longer window", [once("1h")], [once("1d")], {}, [0n, 1n], "repeats_unknown"],
    [
      "a match that is divided",
      [{ match: "GET /{x}", cost: 1 }],
      [
        { match: "GET /{x}", cost: 1 },
        { match: "GET /a", cost: 3 },
      ],
      { endpoint: "GET /{x}" },
      [1n, 3n],
      "match_divided",
    ],
    [
      "one that was divided already",
      [
        { match: "GET /{x}", cost: 1 },
        { match: "GET /a", cost: 1 },
      ],
      [
        { match: "GET /{x}", cost: 2 },
        { match: "GET /a", cost: 3 },
      ],
      { endpoint: "GET /{x}" },
      [2n, 2n],
      undefined,
    ],
  ];
  for (const [name, before, after, change, [least, most], reason] of cases) {
    it(name, () => {
      const inCredits = (prices: unknown[]) =>
        listOf(prices.map((price) => Object.assign({ credit: "credits" }, price)));
      const micro = 1_000_000n;
      const charged = {
        endpoint: "GET /a",
        creditType: "credits",
        status: 200,
        units: 1,
        amount: 1n,
        ...change,
      };
      const repriced = new Repricer(inCredits(before), inCredits(after)).reprice({
        ...charged,
        amount: charged.amount * micro,
      });
      assert.deepEqual(repriced.amounts.get("credits"), { least: least * micro, most: most * micro });
      assert.equal(repriced.reason, reason);
    });
  }

  it("another credit type is charged instead", () => {
    const before = listOf([{ match: "GET /a", cost: 1, credit: "credits" }]);
    const after = listOf([{ match: "GET /a", cost: 2, credit: "search" }]);
    const charged = { endpoint: "GET /a", creditType: "credits", status: 200, units: 1, amount: 1_000_000n };
    const { amounts } = new Repricer(before, after).reprice(charged);
    assert.deepEqual([...amounts], [["search", { least: 2_000_000n, most: 2_000_000n }]]);
  });
});
