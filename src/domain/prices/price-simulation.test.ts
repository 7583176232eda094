import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import type { PriceList } from "./price.ts";
import { type ChargeGroup, PriceSimulation } from "./price-simulation.ts";
import { findUnrecordedCalls } from "./unrecorded-calls.ts";

const MICRO = 1_000_000n;

function listOf(...prices: object[]): PriceList {
  const written = prices.map((price) => Object.assign({ credit: "credits" }, price));
  const parsed = parsePrices(written, "prices", { creditTypes: ["credits", "search"] });
  assert.ok(parsed.ok);
  return { version: 1, prices: parsed.value, unpriced: "free" };
}

function groupOf(change: Partial<ChargeGroup>): ChargeGroup {
  return {
    account: "acc_1",
    endpoint: "GET /a",
    creditType: "credits",
    status: 200,
    units: 1,
    amount: MICRO,
    charges: 1,
    uncollected: 0n,
    refunded: 0n,
    isRefundedWhole: false,
    ...change,
  };
}

const before = listOf({ match: "GET /a", cost: 1 }, { match: "GET /b", cost: 10 });

function simulate(after: PriceList, ...groups: Partial<ChargeGroup>[]) {
  const simulation = new PriceSimulation(after);
  for (const group of groups) simulation.add(groupOf(group), before);
  return simulation.result();
}

describe("a simulation", () => {
  it("has a line for each account and endpoint, the largest change first, whichever way it goes", () => {
    const after = listOf({ match: "GET /a", cost: 3 }, { match: "GET /b", cost: 4 });
    const { lines, totals, doubts } = simulate(
      after,
      { charges: 2 },
      { charges: 3 },
      { account: "acc_2", charges: 1 },
      { account: "acc_2", endpoint: "GET /b", amount: 10n * MICRO, charges: 4 },
    );
    assert.deepEqual(
      lines.map(({ account, endpoint, charges, before: old, least, most }) => [
        account,
        endpoint,
        charges,
        old / MICRO,
        least / MICRO,
        most / MICRO,
      ]),
      [
        ["acc_2", "GET /b", 4, 40n, 16n, 16n],
        ["acc_1", "GET /a", 5, 5n, 15n, 15n],
        ["acc_2", "GET /a", 1, 1n, 3n, 3n],
      ],
    );
    const [total] = totals;
    assert.deepEqual([total?.charges, total?.before, total?.least], [10, 46n * MICRO, 34n * MICRO]);
    assert.deepEqual(doubts, []);
  });

  it("counts why charges are 0 or uncertain, and keeps the bounds apart", () => {
    const after = listOf({ match: "GET /a", when: { query: "full", exists: true }, cost: 5 });
    const { lines, doubts } = simulate(
      after,
      { charges: 7 },
      { endpoint: "GET /b", amount: 10n * MICRO, charges: 2 },
    );
    assert.deepEqual(
      lines.map(({ endpoint, least, most }) => [endpoint, least / MICRO, most / MICRO]),
      [
        ["GET /a", 0n, 35n],
        ["GET /b", 0n, 0n],
      ],
    );
    assert.deepEqual(doubts, [
      { reason: "conditions_unknown", endpoint: "GET /a", charges: 7 },
      { reason: "no_price", endpoint: "GET /b", charges: 2 },
    ]);
  });

  it("leaves charges out that were refunded whole, and shows what else is not income", () => {
    const { totals, lines } = simulate(
      listOf({ match: "GET /a", cost: 2 }),
      { charges: 3, isRefundedWhole: true, refunded: 3n * MICRO },
      { charges: 2, refunded: MICRO / 2n },
      { charges: 1, uncollected: MICRO / 4n },
    );
    assert.deepEqual(totals, [
      {
        creditType: "credits",
        charges: 3,
        before: 3n * MICRO,
        least: 6n * MICRO,
        most: 6n * MICRO,
        uncollected: MICRO / 4n,
        refundedInPart: MICRO / 2n,
        leftOut: 3,
        leftOutCredits: 3n * MICRO,
      },
    ]);
    assert.equal(lines.length, 1);
  });

  it("moves to another credit type with the price", () => {
    const { lines, totals } = simulate(listOf({ match: "GET /a", cost: 2, credit: "search" }), {
      charges: 4,
    });
    assert.deepEqual(
      lines.map((line) => [line.creditType, line.charges, line.before / MICRO, line.most / MICRO]),
      [
        ["search", 0, 0n, 8n],
        ["credits", 4, 4n, 0n],
      ],
    );
    assert.deepEqual(
      totals.map((total) => [total.creditType, total.before / MICRO, total.most / MICRO]),
      [
        ["credits", 4n, 0n],
        ["search", 0n, 8n],
      ],
    );
  });
});

describe("calls that left no entry", () => {
  const price = { match: "GET /a", cost: 1 };
  const result = { per: "result", count: { body: "/data" }, atMost: 10 };
  const once = (within: string) => ({ once: { key: { query: "ip" }, within } });
  const cases: [string, object[], object[], string[]][] = [
    ["nothing changes", [price], [price], []],
    ["it costs more", [price], [{ ...price, cost: 2 }], []],
    ["it had no price", [], [price], ["newly_priced"]],
    ["it was free", [{ match: "GET /a", free: true }], [price], ["newly_priced"]],
    ["a broader match was free", [{ match: "* /*", free: true }], [price], ["newly_priced"]],
    ["a broader match was priced", [{ match: "* /*", cost: 1 }], [price], []],
    [
      "it was priced on a condition only",
      [{ ...price, when: { query: "x", exists: true } }],
      [price],
      ["newly_priced"],
    ],
    ["404 is charged too", [price], [{ ...price, on: "processed" }], ["more_statuses"]],
    ["404 is charged no more", [{ ...price, on: "processed" }], [price], []],
    ["nothing found is charged too", [{ ...price, ...result }], [price], ["empty_results"]],
    [
      "fewer results are included",
      [{ ...price, ...result, included: 3 }],
      [{ ...price, ...result }],
      ["empty_results"],
    ],
    ["more results are included", [{ ...price, ...result }], [{ ...price, ...result, included: 3 }], []],
    ["repeats are charged", [{ ...price, ...once("1d") }], [price], ["fewer_repeats"]],
    [
      "repeats are free less long",
      [{ ...price, ...once("1d") }],
      [{ ...price, ...once("1h") }],
      ["fewer_repeats"],
    ],
    ["repeats are free longer", [{ ...price, ...once("1h") }], [{ ...price, ...once("1d") }], []],
    ["it is free now", [price], [{ match: "GET /a", free: true }], []],
  ];
  for (const [name, old, young, reasons] of cases) {
    it(name, () => {
      assert.deepEqual(
        findUnrecordedCalls(listOf(...old), listOf(...young)),
        reasons.map((reason) => ({ endpoint: "GET /a", reason })),
      );
    });
  }
});
