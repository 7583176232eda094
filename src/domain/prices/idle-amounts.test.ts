import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";

const RESULT = { cost: 1, per: "result", count: { body: "/data" } };
const FIXED = { cost: 5, plus: [{ cost: 2, when: { query: "a", exists: true } }] };
const full = { query: "mode", equals: "full" };
const hit = { body: "/status", equals: "hit" };

const listOf = (price: object) => [{ match: "POST /a", credit: "credits", ...price }];
const read = (price: object) => parsePrices(listOf(price), "prices", { creditTypes: ["credits"] });

function problemsOf(price: object): readonly string[] {
  const parsed = read(price);
  return parsed.ok ? [] : parsed.problems.map(({ path, reason, fix }) => `${path}: ${reason}; ${fix}`);
}

const REFUSED: readonly (readonly [string, object, RegExp])[] = [
  [
    "most below a fixed cost",
    { ...FIXED, most: 4 },
    /^prices\[0\]\.most: is below 5, what a call costs alone/,
  ],
  [
    "most below one result",
    { ...RESULT, most: 0.5 },
    /^prices\[0\]\.most: is below 1, what one result costs/,
  ],
  [
    "most below a whole block",
    { ...RESULT, cost: 6, per: "10 results", most: 5 },
    /most: is below 6.*; write most: 6 or more, or a lower cost$/,
  ],
  [
    "most below every tier",
    { ...RESULT, cost: 0, most: 1, tiers: { within: "day", steps: [{ over: 9, cost: 2 }] } },
    /most: is below 2/,
  ],
  [
    "plus beside a cost that is most",
    { ...FIXED, most: 5 },
    /^prices\[0\]\.plus: never counts: a call costs 5/,
  ],
  ["least that is most", { ...FIXED, least: 6, most: 6 }, /^prices\[0\]\.least: is most/],
  [
    "least above the bound",
    { ...RESULT, atMost: 3, least: 4 },
    /^prices\[0\]\.least: is not below 3, what all/,
  ],
  ["least that all sums just come to", { ...FIXED, least: 7 }, /least: is not below 7/],
  [
    "plus where the price does not apply",
    { ...FIXED, when: full, plus: [{ cost: 2, when: { ...full, equals: "lite" } }] },
    /^prices\[0\]\.plus\[0\]\.when: never holds together with the price's own when/,
  ],
  [
    "plus where nothing is charged",
    { cost: 1, where: hit, plus: [{ cost: 2, where: { ...hit, equals: "miss" } }] },
    /^prices\[0\]\.plus\[0\]\.where: never holds together/,
  ],
  [
    "a default above what can be asked for",
    { ...RESULT, count: { request: { body: "/n", default: 9 } }, atMost: 8 },
    /^prices\[0\]\.count\.request\.default: 9 is above 8/,
  ],
  [
    "a default above the bound, of one of several fields",
    { ...RESULT, atMost: { smallest: [{ query: "a" }, { query: "b", default: 9 }], max: 8 } },
    /^prices\[0\]\.atMost\.smallest\[1\]\.default: 9 is above 8/,
  ],
];

describe("amounts that no call could ever cost", () => {
  for (const [what, price, problem] of REFUSED) {
    it(`are refused: ${what}`, () => {
      const [first, ...others] = problemsOf(price);
      assert.match(first ?? "", problem);
      assert.deepEqual(others, []);
    });

    it(`are read as before where they were published: ${what}`, () => {
      const list = { ...JSON.parse(priceListText({ prices: [], unpriced: "free" })), prices: listOf(price) };
      const stored = parsePriceList(list, 3);
      assert.ok(stored.ok);
      assert.deepEqual(parsePriceList(JSON.parse(priceListText(stored.value)), 3), stored);
    });
  }

  for (const [what, price] of [
    ["a part of a block costs a part", { ...RESULT, cost: 6, per: "10 results", round: "exact", most: 5 }],
    [
      "a part of a result too",
      { ...RESULT, cost: 6, per: "dollar", count: { body: "/d", decimal: true }, most: 5 },
    ],
    ["one result is most, and none is less", { ...RESULT, most: 1 }],
    [
      "one tier is below",
      { ...RESULT, cost: 3, most: 2, tiers: { within: "day", steps: [{ over: 9, cost: 1 }] } },
    ],
    ["plus counts a little", { ...FIXED, most: 6 }],
    ["more may come than the least", { ...RESULT, atMost: 3, least: 2.9 }],
    ["what cannot be counted costs more", { ...RESULT, atMost: 3, least: 4, uncounted: 5 }],
    ["nothing bounds it", { ...RESULT, decide: "answer", least: 40 }],
    ["other fields", { ...FIXED, when: full }],
    ["all that can be asked for", { ...RESULT, count: { request: { body: "/n", default: 8 } }, atMost: 8 }],
  ] as const) {
    it(`may count: ${what}`, () => {
      assert.deepEqual(problemsOf(price), []);
      // Nor is it refused with its defaults written out.
      const parsed = read(price);
      assert.ok(parsed.ok);
      const written = JSON.parse(priceListText({ prices: parsed.value, unpriced: "free" }));
      assert.ok(parsePrices(written.prices, "prices", { creditTypes: ["credits"] }).ok);
    });
  }
});
