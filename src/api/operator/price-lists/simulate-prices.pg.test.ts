import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { parsePrices } from "../../../domain/prices/parse-prices.ts";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../../../ledger/open-ledger.ts";
import { assertSound, chargeOf, LEDGER, nameKeys } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";
import { runSimulation } from "./run-simulation.ts";

const LOOKUP = { match: "GET /v1/ip-lookup", cost: 10, credit: "credits" };
const LEADS = {
  match: "GET /v1/leads",
  cost: 1,
  credit: "credits",
  per: "result",
  count: { body: "/data" },
  atMost: 100,
};

eachDatabase("operator API: simulations of prices", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  let ledger: LedgerHandle;
  let accounts: string[];

  /** What each account is charged under the first list: look-ups, and leads with so many results. */
  const CALLS = [
    { lookups: 5, leads: [3, 4] },
    { lookups: 1, leads: [] },
  ];

  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    ledger = await openLedger(database, LEDGER);
    await operator.post("/v1/price-lists", { prices: [LOOKUP, LEADS] });
    accounts = [];
    for (const { lookups, leads } of CALLS) {
      const accountId = await operator.account();
      accounts.push(accountId);
      await operator.post(`/v1/accounts/${accountId}/grants`, { amount: 1000 });
      const { shard } = await readAccount(database, accountId);
      const pool = { accountId, creditType: "credits", shard };
      await nameKeys(database, pool, ["key_1"]);
      for (let count = 0; count < lookups; count += 1) {
        await ledger.charge(chargeOf(pool, 10_000_000n, { endpoint: LOOKUP.match }));
      }
      for (const units of leads) {
        await ledger.charge(chargeOf(pool, BigInt(units) * 1_000_000n, { endpoint: LEADS.match, units }));
      }
    }
  });
  afterEach(() => assertSound(database));

  const simulate = async (prices: unknown[], more: object = {}) =>
    (await operator.post("/v1/price-lists/simulations", { prices, ...more })).body;

  test("the very list in force gives exactly what was charged", async () => {
    const { totals, lines, doubts, unrecorded, next } = await simulate([LOOKUP, LEADS]);
    assert.partialDeepStrictEqual(totals, [
      { creditType: "credits", charges: 8, before: 67, least: 67, most: 67 },
    ]);
    for (const line of lines) assert.deepEqual([line.least, line.most], [line.before, line.before]);
    assert.deepEqual([lines.length, doubts, unrecorded, next], [3, [], [], null]);
  });

  test("a new list is compared by account and endpoint, the largest change first; nothing is written", async () => {
    const { lines, totals, assumptions } = await simulate([
      { ...LOOKUP, cost: 20 },
      { ...LEADS, cost: 0.5 },
    ]);
    const shown = lines.map((line: Record<string, unknown>) => [
      line["account"],
      line["endpoint"],
      line["charges"],
      line["before"],
      line["least"],
      line["most"],
    ]);
    assert.deepEqual(shown, [
      [accounts[0], LOOKUP.match, 5, 50, 100, 100],
      [accounts[1], LOOKUP.match, 1, 10, 20, 20],
      [accounts[0], LEADS.match, 2, 7, 3.5, 3.5],
    ]);
    assert.partialDeepStrictEqual(totals, [{ before: 67, least: 123.5, most: 123.5 }]);
    assert.ok(assumptions.length >= 4);
    assert.equal((await operator.get("/v1/price-lists")).body.priceLists.length, 1);
  });

  test("what cannot be known has bounds and a reason, and what left no entry is named", async () => {
    const conditional = { ...LOOKUP, when: { query: "live", equals: "1" }, cost: 30 };
    const { totals, doubts, unrecorded } = await simulate([
      conditional,
      LOOKUP,
      { ...LEADS, on: "processed" },
      { match: "POST /v1/track", cost: 1, credit: "credits" },
    ]);
    assert.partialDeepStrictEqual(totals, [{ before: 67, least: 67, most: 187 }]);
    assert.deepEqual(doubts, [{ reason: "conditions_unknown", endpoint: LOOKUP.match, charges: 6 }]);
    assert.deepEqual(unrecorded, [
      { endpoint: LEADS.match, reason: "more_statuses" },
      { endpoint: "POST /v1/track", reason: "newly_priced" },
    ]);
  });

  test("one account, and a period, may be asked for", async () => {
    const own = await simulate([LOOKUP], { account: accounts[1] });
    assert.partialDeepStrictEqual(own.totals, [{ before: 10, least: 10 }]);
    const past = await simulate([LOOKUP], { to: "2020-01-01" });
    assert.deepEqual([past.totals, past.lines, past.to], [[], [], "2020-01-01T00:00:00.000Z"]);
    assert.equal(past.from, "2019-12-02T00:00:00.000Z");
  });

  test("parts add up to the whole, whatever ends them", async () => {
    const parsed = parsePrices([LOOKUP, LEADS], "prices", { creditTypes: undefined });
    assert.ok(parsed.ok);
    const list = { version: 0, prices: parsed.value, unpriced: "free" as const };
    const period = { from: new Date("2020-01-01"), to: new Date("2100-01-01"), chunkEntries: 3 };
    let charges = 0;
    let parts = 0;
    let next: Parameters<typeof runSimulation>[3];
    do {
      const part = await runSimulation(database, list, period, next, { partMs: 0 });
      charges += part.totals[0]?.charges ?? 0;
      parts += 1;
      ({ next } = part);
    } while (next !== undefined);
    assert.equal(charges, 8);
    assert.ok(parts >= 4, `${parts} parts`);
  });

  test("a part goes on where the one before ended, for the same period", async () => {
    const cursor = Buffer.from(
      JSON.stringify({
        from: "2020-01-01T00:00:00.000Z",
        to: "2100-01-01T00:00:00.000Z",
        after: { accountId: accounts.toSorted()[0], creditType: "credits" },
      }),
    ).toString("base64url");
    const part = await simulate([LOOKUP, LEADS], { cursor });
    assert.equal(part.to, "2100-01-01T00:00:00.000Z");
    const [, last] = accounts.toSorted();
    assert.deepEqual([...new Set(part.lines.map((line: { account: string }) => line.account))], [last]);
  });

  test("wrong requests name their fields", async () => {
    const refused = async (body: object) => {
      const answer = await operator.post("/v1/price-lists/simulations", body);
      return [answer.status, ...(answer.body.errors ?? []).map((error: { path: string }) => error.path)];
    };
    assert.deepEqual(await refused({ prices: [{ match: "GET /x", cost: -1, credit: "credits" }] }), [
      422,
      "prices[0].cost",
    ]);
    assert.deepEqual(await refused({ prices: [], from: "2026-01-02", to: "2026-01-01" }), [422, "from"]);
    assert.deepEqual(await refused({ prices: [], cursor: "x" }), [422, "cursor"]);
    assert.deepEqual(await refused({ prices: [], effectiveAt: "2100-01-01" }), [422, "effectiveAt"]);
    assert.deepEqual(await refused({ prices: [], account: "acc_unknown" }), [404]);
  });
});
