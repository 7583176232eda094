import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import type { Credits } from "../../domain/credits.ts";
import { computeMeasuredAmount, type Measured } from "../../domain/prices/tiers.ts";
import { readMeasured } from "../calls/measured-charge.ts";
import type { Database } from "../database/database.ts";
import type { ChargeItem, PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { listEntries, readEntry } from "../pools/entries.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { assertSound, chargeOf, createPool, LEDGER, leaseOf, letTimePass, SHARDS } from "../testing/books.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";

const CREDIT = 1_000_000n;
const UNIT = 1_000_000n;

const PLAIN: Measured = {
  units: UNIT,
  block: UNIT,
  round: "exact",
  costs: [
    [0n, 10n * CREDIT],
    [3n * UNIT, 4n * CREDIT],
    [10n * UNIT, 0n],
    [12n * UNIT, 7n * CREDIT],
  ],
  whole: false,
  counter: { name: "GET /v1/ip-lookup", within: "month" },
  increase: undefined,
  rest: 0n,
  least: undefined,
  most: undefined,
};

eachDatabase("a charge whose amount depends on what was charged before", (openFresh) => {
  let db: Database;
  let ledgers: readonly [LedgerHandle, LedgerHandle];
  before(async () => {
    db = await openFresh();
    ledgers = [await openLedger(db, LEDGER), await openLedger(db, LEDGER)];
  });

  const item = (pool: PoolRef, measured: Measured, change: Partial<ChargeItem> = {}): ChargeItem =>
    chargeOf(pool, 1_000_000_000n * CREDIT, { measured, ...change });
  const charge = (pool: PoolRef, measured: Measured, change: Partial<ChargeItem> = {}) =>
    ledgers[0].charge(item(pool, measured, change));
  const used = (pool: PoolRef, units: bigint, change: Partial<Measured> = {}) =>
    charge(pool, { ...PLAIN, units: units * UNIT, ...change });
  /** Amounts in the order in which they were charged. */
  const chargesOf = async (pool: PoolRef): Promise<Credits[]> => {
    const { entries } = await listEntries(db, pool, { limit: 500, kind: "charge" });
    return entries.toReversed().map(({ amount, uncollected }) => uncollected - amount);
  };

  /** What the entry of a charge keeps of its tiers. */
  const tierUseOf = async (pool: PoolRef, seq: number | null) => {
    const entry = await readEntry(db, pool, seq ?? 0);
    assert.ok(entry !== undefined);
    const { tierUse } = await readMeasured(db, pool, entry.seq, entry.at);
    return tierUse ?? assert.fail("the charge tells no tiers");
  };

  test("each unit costs what its tier says; a call of several tiers is the sum", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    const amounts = [];
    for (const units of [2n, 3n, 5n, 3n]) amounts.push((await used(pool, units)).charged / CREDIT);
    // 1-3: 10 each; 4-10: 4; 11 and 12: free; then 7.
    assert.deepEqual(amounts, [20n, 10n + 2n * 4n, 5n * 4n, 7n]);
    const { tiers, ...use } = await tierUseOf(pool, 3);
    const since = new Date(`${new Date().toISOString().slice(0, 7)}-01T00:00:00Z`);
    assert.deepEqual(use, {
      counter: "GET /v1/ip-lookup",
      within: "month",
      since,
      usedBefore: 2,
      usedAfter: 5,
    });
    assert.deepEqual(tiers, [
      { over: 0, cost: 10n * CREDIT, units: 1 },
      { over: 3, cost: 4n * CREDIT, units: 2 },
    ]);
    // The free units have no tier's cost to tell, and are told all the same.
    assert.deepEqual((await tierUseOf(pool, 5)).tiers.at(0), { over: 10, cost: 0n, units: 2 });
    await assertSound(db);
  });

  test("at once, from two instances and in any order, charges are those of the reference model", async () => {
    const anyUnits = fc
      .bigInt({ min: 1n, max: 4n * UNIT })
      .map((units) => (units % 3n === 0n ? units : (units / UNIT + 1n) * UNIT));
    // Above 0: each charge has an entry, whose number tells when it was made.
    const anyCost = fc.bigInt({ min: 1n, max: 20n * CREDIT });
    const anyOvers = fc.uniqueArray(fc.bigInt({ min: 1n, max: 15n }), { maxLength: 4 });
    const anyCosts = fc
      .tuple(anyOvers, fc.array(anyCost, { minLength: 5, maxLength: 5 }))
      .map(([overs, costs]): Measured["costs"] =>
        [0n, ...overs]
          .toSorted((one, other) => Number(one - other))
          .map((over, index) => [over * UNIT, costs[index] ?? 1n] as const),
      );
    const anyCase = fc.record({
      costs: anyCosts,
      block: fc.constantFrom(UNIT, 5n * UNIT, 1_000n * UNIT),
      round: fc.constantFrom("block", "credit", "exact"),
      whole: fc.boolean(),
      rest: fc.constantFrom(0n, 3n),
      least: fc.constantFrom(undefined, 2n * CREDIT),
      most: fc.constantFrom(undefined, 25n * CREDIT),
      units: fc.array(anyUnits, { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ units, ...terms }) => {
        const pool = await createPool(db, 1_000_000n * CREDIT);
        const asked = units.map((one): Measured => ({ ...PLAIN, ...terms, units: one }));
        const results = fulfilled(
          await atOnce(asked.length, (index) => {
            const measured = asked[index];
            assert.ok(measured !== undefined);
            return ledgers[index % 2 === 0 ? 0 : 1].charge(item(pool, measured));
          }),
        );
        assert.equal(results.length, asked.length);
        assert.ok(results.every(({ seq }) => seq !== null));
        const order = [...results.keys()].toSorted(
          (one, other) => (results[one]?.seq ?? 0) - (results[other]?.seq ?? 0),
        );
        let usedBefore = 0n;
        for (const index of order) {
          const [measured, result] = [asked[index], results[index]];
          assert.ok(measured !== undefined && result !== undefined);
          const expected = computeMeasuredAmount(measured, usedBefore, 0n);
          assert.equal(result.charged, expected.amount);
          const told = await tierUseOf(pool, result.seq);
          assert.equal(told.usedBefore, Number(usedBefore) / 1_000_000);
          usedBefore += expected.quantity;
          assert.equal(told.usedAfter, Number(usedBefore) / 1_000_000);
          assert.ok(told.tiers.length === 1 || (!measured.whole && told.tiers.length > 1));
        }
      }),
      { numRuns: 25 },
    );
    await assertSound(db);
  });

  test("a counter is of one account, credit type, name and period; another period begins at nothing", async () => {
    const [one, other] = [await createPool(db, 1_000n * CREDIT), await createPool(db, 1_000n * CREDIT)];
    await used(one, 3n);
    assert.equal((await used(one, 1n)).charged, 4n * CREDIT);
    assert.equal((await used(other, 1n)).charged, 10n * CREDIT);
    const named = { counter: { name: "counter all", within: "month" as const } };
    assert.equal((await used(one, 3n, named)).charged, 30n * CREDIT);
    assert.equal(
      (await charge(one, { ...PLAIN, ...named }, { endpoint: "GET /other" })).charged,
      4n * CREDIT,
    );
    assert.equal(
      (await used(one, 1n, { counter: { ...PLAIN.counter, name: "GET /v1/ip-lookup", within: "day" } }))
        .charged,
      10n * CREDIT,
    );
    await db.exec("UPDATE farebox.tier_counters SET period = period - interval '1 month'");
    assert.equal((await used(one, 1n)).charged, 10n * CREDIT);
  });

  test("what a lease has reserved and the tier does not ask for stays in the lease", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    const [ledger] = ledgers;
    await ledger.lease(leaseOf(pool, 100n * CREDIT));
    await used(pool, 3n);
    const measured = { ...PLAIN, units: 2n * UNIT };
    const result = await ledger.charge(chargeOf(pool, 20n * CREDIT, { hold: "lease", measured }));
    assert.deepEqual([result.charged, result.units, result.uncollected], [8n * CREDIT, 2, 0n]);
    await ledger.release({ pool, hold: "lease", amount: 92n * CREDIT });
    await assertSound(db, { atRest: true });
  });

  test("what is not covered is uncollected and counts; what is short, a repeat or superseded does not", async () => {
    const pool = await createPool(db, 35n * CREDIT);
    assert.equal((await charge(pool, { ...PLAIN, units: 4n * UNIT }, { whole: true })).charged, 34n * CREDIT);
    const short = await charge(pool, { ...PLAIN, units: UNIT }, { whole: true });
    assert.deepEqual([short.kind, short.shortage?.available], ["short", CREDIT]);
    const rest = await used(pool, 1n);
    assert.deepEqual([rest.charged, rest.uncollected], [CREDIT, 3n * CREDIT]);
    const [counter] = await db.query<{ used: string }>(
      `SELECT c.used::text FROM farebox.tier_counters c JOIN farebox.accounts a USING (account_no) WHERE a.account_id = $1`,
      [pool.accountId],
    );
    assert.equal(counter?.used, String(5n * UNIT));
    await assertSound(db);
  });

  test("the same request under one Idempotency-Key, twice at once, is charged and counted once", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    const response = { status: 200, headers: [], body: null };
    const start = await ledgers[0].beginIdempotent(pool.accountId, pool.shard, "key", "hash");
    assert.ok(start.kind === "begun");
    const idempotency = { key: "key", requestHash: "hash", owner: start.owner, response };
    const results = fulfilled(
      await atOnce(2, (index) =>
        ledgers[index === 0 ? 0 : 1].charge(item(pool, { ...PLAIN, units: 3n * UNIT }, { idempotency })),
      ),
    );
    assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ["charged", "superseded"]);
    assert.equal((await used(pool, 1n)).charged, 4n * CREDIT);
  });

  test("a refund gives credits back and no places in a tier: what was used stays used", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    const first = await used(pool, 3n);
    await ledgers[0].refund(pool, first.seq ?? 0, "all", "a mistake", "ref_1");
    assert.equal((await used(pool, 1n)).charged, 4n * CREDIT);
    await assertSound(db);
  });

  const growing = (total: bigint, value = '"job_1"'): Measured => ({
    ...PLAIN,
    units: total * UNIT,
    costs: [[0n, 2n * CREDIT]],
    counter: undefined,
    increase: { value, withinSeconds: 3_600 },
  });

  test("of a number that grows only the increase over the highest that was charged is charged", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    const seen = [];
    for (const total of [0n, 3n, 3n, 7n, 5n, 8n]) {
      const { charged, units, seq } = await charge(pool, growing(total));
      seen.push([charged / CREDIT, units, seq !== null]);
    }
    assert.deepEqual(seen, [
      [0n, 0, false],
      [6n, 3, true],
      [0n, 0, false],
      [8n, 4, true],
      [0n, 0, false],
      [2n, 1, true],
    ]);
    // Another value, another account: another number.
    assert.equal((await charge(pool, growing(2n, '"job_2"'))).charged, 4n * CREDIT);
    assert.equal((await charge(await createPool(db, 100n * CREDIT), growing(2n))).charged, 4n * CREDIT);
    await assertSound(db);
  });

  test("in any order, at once, from two instances: all together cost what the highest number does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: 0n, max: 20n }), { minLength: 1, maxLength: 8 }),
        async (totals) => {
          const pool = await createPool(db, 1_000n * CREDIT);
          const results = fulfilled(
            await atOnce(totals.length, (index) =>
              ledgers[index % 2 === 0 ? 0 : 1].charge(item(pool, growing(totals[index] ?? 0n))),
            ),
          );
          const highest = totals.reduce((one, other) => (one > other ? one : other));
          const sum = results.reduce((all, { charged }) => all + charged, 0n);
          assert.equal(sum, highest * 2n * CREDIT);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("the number is known for its time after the last charge, and then forgotten; the increase counts in tiers", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    await charge(pool, growing(3n));
    await letTimePass(db, pool, 3_000_000);
    assert.equal((await charge(pool, growing(4n))).charged, 2n * CREDIT);
    await letTimePass(db, pool, 3_000_000);
    assert.equal((await charge(pool, growing(4n))).charged, 0n);
    await letTimePass(db, pool, 3_700_000);
    // Over is over, also before the sweep comes by.
    assert.equal((await charge(pool, growing(4n))).charged, 8n * CREDIT);
    await letTimePass(db, pool, 3_700_000);
    await sweep(db, { shards: SHARDS, deadAfterMs: 60_000 });
    const rows = await db.query(
      "SELECT 1 FROM farebox.running_totals t JOIN farebox.accounts a USING (account_no) WHERE a.account_id = $1",
      [pool.accountId],
    );
    assert.equal(rows.length, 0);
    assert.equal((await charge(pool, growing(4n))).charged, 8n * CREDIT);
    const both = { ...growing(4n, '"job_9"'), costs: PLAIN.costs, counter: PLAIN.counter };
    assert.equal((await charge(pool, both)).charged, 34n * CREDIT);
    assert.equal((await charge(pool, { ...both, units: 5n * UNIT })).charged, 4n * CREDIT);
    await assertSound(db);
  });

  test("amounts are in the books as they were asked for", async () => {
    const pool = await createPool(db, 1_000n * CREDIT);
    await used(pool, 5n);
    await used(pool, 1n);
    assert.deepEqual(await chargesOf(pool), [38n * CREDIT, 4n * CREDIT]);
  });
});
