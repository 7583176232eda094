import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { assertSound, chargeOf, createPool, LEDGER, OF_POOL, rollUsage } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type ChargePosition, readChargeChunks } from "./charge-groups.ts";

eachDatabase("charges in groups", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
  });
  afterEach(() => assertSound(db));

  const period = { from: new Date("2020-01-01"), to: new Date("2100-01-01") };

  async function read(accountId: string | undefined, start?: ChargePosition, chunkEntries?: number) {
    const chunks = [];
    const query = { ...period, accountId, chunkEntries };
    for await (const chunk of readChargeChunks(db, query, start)) chunks.push(chunk);
    return chunks;
  }
  const charge = (pool: PoolRef, amount: bigint, change: object = {}) =>
    ledger.charge(chargeOf(pool, amount, change));
  const refund = (pool: PoolRef, seq: number | null, amount: bigint | "all") =>
    refundCharge(db, { pool, seq: seq ?? 0, amount, reason: "test", reference: `r${seq}` });

  test("charges that are alike are one group; refunded and uncollected parts are told", async () => {
    const pool = await createPool(db, 100n);
    for (const units of [1, 1, 2]) await charge(pool, 10n, { units });
    await charge(pool, 10n, { status: 404 });
    await charge(pool, 10n, { priceList: 2 });
    const part = await charge(pool, 20n);
    await refund(pool, part.seq, 5n);
    const whole = await charge(pool, 20n);
    await refund(pool, whole.seq, "all");
    await charge(pool, 60n);
    const groups = (await read(pool.accountId)).flatMap((chunk) => chunk.groups);
    const byText = (one: unknown[], other: unknown[]) => (String(one) < String(other) ? -1 : 1);
    assert.deepEqual(
      groups
        .map((group) => [
          group.units,
          group.status,
          group.priceList,
          group.amount,
          group.charges,
          group.uncollected,
          group.refunded,
          group.isRefundedWhole,
        ])
        .toSorted(byText),
      [
        [1, 200, 1, 10n, 2, 0n, 0n, false],
        [1, 200, 1, 20n, 1, 0n, 20n, true],
        [1, 200, 1, 20n, 1, 0n, 5n, false],
        [1, 200, 1, 60n, 1, 25n, 0n, false],
        [1, 200, 2, 10n, 1, 0n, 0n, false],
        [1, 404, 1, 10n, 1, 0n, 0n, false],
        [2, 200, 1, 10n, 1, 0n, 0n, false],
      ].toSorted(byText),
    );
    assert.equal(groups.length, 7);
  });

  test("all pools are read, each once, and the reading goes on from every position", async () => {
    const pools = await Promise.all([1, 2, 3].map(() => createPool(db, 1000n)));
    for (const [index, pool] of pools.entries()) {
      await charge(pool, 7n);
      if (index === 0) await rollUsage(db);
    }
    await createPool(db, 1000n);
    const chunks = await read(undefined);
    const key = (pool: PoolRef | undefined) => pool?.accountId;
    const seen = chunks.map(({ pool }) => key(pool)).filter((id) => id !== undefined);
    assert.deepEqual(seen, [...new Set(seen)]);
    for (const pool of pools) assert.ok(seen.includes(pool.accountId));
    for (const [index, { next }] of chunks.entries()) {
      if (next === undefined) continue;
      const rest = (await read(undefined, next)).map(({ pool }) => key(pool));
      assert.deepEqual(
        rest,
        chunks.slice(index + 1).map(({ pool }) => key(pool)),
      );
    }
    assert.equal(chunks.at(-1)?.next, undefined);
  });

  test("a pool of many entries is read in chunks, each entry once", async () => {
    const pool = await createPool(db, 1_000_000n);
    await Promise.all(
      Array.from({ length: 2500 }, (_, index) => charge(pool, 1n, { units: (index % 3) + 1 })),
    );
    const chunks = await read(pool.accountId, undefined, 1000);
    const counts = chunks.map(({ groups }) => groups.reduce((sum, { charges }) => sum + charges, 0));
    // The grant is an entry too.
    assert.deepEqual(counts, [999, 1000, 501, 0]);
    assert.deepEqual(chunks[0]?.next, { within: { pool, seq: 1001 } });
    const rest = await read(pool.accountId, chunks[0]?.next, 1000);
    assert.equal(
      rest.flatMap(({ groups }) => groups).reduce((sum, { charges }) => sum + charges, 0),
      1501,
    );
  });

  test("the period's first moment is in it, its last is not", async () => {
    const pool = await createPool(db, 100n);
    await charge(pool, 1n);
    const [entry] = await db.query<{ at: Date }>(
      `SELECT date_trunc('milliseconds', at) AS at FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c'`,
      [pool.accountId, pool.creditType],
    );
    assert.ok(entry);
    const at = entry.at.getTime();
    const count = async (from: number, to: number): Promise<number> => {
      const query = { from: new Date(from), to: new Date(to), accountId: pool.accountId };
      let charges = 0;
      for await (const { groups } of readChargeChunks(db, query)) charges += groups.length;
      return charges;
    };
    assert.deepEqual(
      [await count(at, at + 1), await count(at - 5, at), await count(at + 1, at + 5)],
      [1, 0, 0],
    );
  });
});
