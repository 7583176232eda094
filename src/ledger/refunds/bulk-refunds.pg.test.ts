import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  assertSound,
  changeEntries,
  createPool,
  LEDGER,
  nameKeys,
  OF_POOL,
  rollUsage,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { findBulkRefund, readBulkRefund } from "./bulk-refunds.ts";
import { previewRefunds } from "./preview-refunds.ts";
import { refundCharge } from "./refund.ts";
import { bulkVerbs } from "./testing/bulk-verbs.ts";

eachDatabase("bulk refunds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { now, filterFor, create, finish, charge, refundsOf } = bulkVerbs(
    () => db,
    () => ledger,
  );

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    await nameKeys(db, await createPool(db, 0n), ["key_2", "key_bad"]);
  });
  afterEach(() => assertSound(db));

  test("the preview is what is refunded; other endpoints, keys, accounts, types and statuses are untouched", async () => {
    const pools = [await createPool(db, 10_000n), await createPool(db, 10_000n)];
    const [pool, other] = pools as [PoolRef, PoolRef];
    const searches = await charge(pool, 3, 7n, "GET /search");
    await charge(pool, 2, 7n, "GET /search", "key_2");
    await charge(pool, 2, 7n, "GET /other");
    await charge(other, 2, 7n, "GET /search");
    const filter = await filterFor("GET /search", { accountId: pool.accountId, keyId: "key_1", status: 200 });
    const preview = await previewRefunds(db, filter);
    assert.partialDeepStrictEqual(preview, { charges: 3, skipped: 0, accounts: 1 });
    assert.deepEqual([...preview.credits], [["credits", 21n]]);
    assert.deepEqual(
      preview.examples.map(({ accountId, seq, charged, refundable }) => [
        accountId,
        seq,
        charged,
        refundable,
      ]),
      searches.map((seq) => [pool.accountId, seq, 7n, 7n]),
    );
    assert.ok(preview.oldest !== null && preview.newest !== null && preview.oldest <= preview.newest);
    const { bulkId, expected, state } = await create(filter);
    assert.deepEqual([state, expected.charges, expected.accounts], ["running", 3, 1]);
    await finish();
    const done = await readBulkRefund(db, bulkId);
    assert.partialDeepStrictEqual(done, { state: "done", refunded: expected, skipped: 0, failed: 0 });
    assert.deepEqual(
      await refundsOf(pool),
      searches.map((seq) => [seq, 7, "outage"]),
    );
    assert.deepEqual(await refundsOf(other), []);
    for (const change of [{ status: 500 }, { priceList: 2 }, { creditType: "search" }, { keyId: "key_9" }]) {
      const none = await previewRefunds(db, { ...filter, keyId: undefined, ...change });
      assert.deepEqual([none.charges, none.skipped], [0, 0], JSON.stringify(change));
    }
    const again = await previewRefunds(db, filter);
    assert.deepEqual([again.charges, again.skipped, again.oldest], [0, 3, null]);
  });

  test("of a charge that was refunded in part, what is left is refunded; one with nothing left is skipped and counted", async () => {
    const pool = await createPool(db, 10_000n);
    const [part, whole, free] = await charge(pool, 3, 10n, "GET /part");
    const refund = { pool, reason: "by hand", reference: "hand" };
    await refundCharge(db, { ...refund, seq: part ?? 0, amount: 4n });
    await refundCharge(db, { ...refund, seq: whole ?? 0, amount: "all" });
    const filter = await filterFor("GET /part");
    const preview = await previewRefunds(db, filter);
    assert.deepEqual([preview.charges, preview.skipped, preview.credits.get("credits")], [2, 1, 16n]);
    const { bulkId } = await create(filter);
    await finish();
    const done = await readBulkRefund(db, bulkId);
    assert.deepEqual(
      [done.refunded.charges, done.skipped, done.refunded.credits.get("credits")],
      [2, 1, 16n],
    );
    assert.deepEqual(await refundsOf(pool), [
      [part, 4, "by hand"],
      [part, 6, "outage"],
      [whole, 10, "by hand"],
      [free, 10, "outage"],
    ]);
  });

  test("a pool with more roll-ups than are looked through is not passed over", async () => {
    const pool = await createPool(db, 10_000n);
    await charge(pool, 1, 7n, "GET /rolled");
    await rollUsage(db);
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    // Older ones of other endpoints, which come first.
    await db.query(
      `INSERT INTO farebox.usage (account_no, type_no, shard, span, start, key_no, endpoint_no, requests, units, credits)
       SELECT $1, $2, $3, 'q', '2020-01-01Z'::timestamptz + n * interval '15 minutes', 1, 9999, 1, 1, 1
       FROM generate_series(1, 1200) n`,
      [accountNo, typeNo, shard],
    );
    assert.equal((await previewRefunds(db, await filterFor("GET /rolled"))).charges, 1);
    await db.query("DELETE FROM farebox.usage WHERE endpoint_no = 9999");
  });

  test("a charge is found whether it is rolled up or not", async () => {
    const [rolled, tail] = [await createPool(db, 10_000n), await createPool(db, 10_000n)];
    await charge(rolled, 2, 7n, "GET /found");
    await rollUsage(db);
    await charge(tail, 3, 7n, "GET /found");
    const filter = await filterFor("GET /found");
    const preview = await previewRefunds(db, filter);
    assert.deepEqual([preview.charges, preview.accounts], [5, 2]);
    const { bulkId } = await create(filter);
    await finish();
    assert.equal((await readBulkRefund(db, bulkId)).refunded.charges, 5);
  });

  test("charged pools are found among more pools than one step looks at", async () => {
    const pools: PoolRef[] = [];
    for (let count = 0; count < 230; count += 1) pools.push(await createPool(db, 10n));
    const ordered = pools.toSorted((left, right) => (left.accountId < right.accountId ? -1 : 1));
    const charged = [0, 1, 150, 229].map((index) => ordered[index] ?? assert.fail());
    for (const pool of charged) await charge(pool, 1, 7n, "GET /rare");
    const filter = await filterFor("GET /rare");
    const preview = await previewRefunds(db, filter);
    assert.deepEqual(
      [preview.charges, preview.accounts, preview.examples.map(({ accountId }) => accountId)],
      [4, 4, charged.map(({ accountId }) => accountId)],
    );
    const { bulkId } = await create(filter);
    await finish();
    assert.partialDeepStrictEqual(await readBulkRefund(db, bulkId), {
      state: "done",
      refunded: { charges: 4, accounts: 4 },
    });
    for (const pool of charged) assert.equal((await refundsOf(pool)).length, 1);
  });

  test("from is in the period and to is not; a period that is not over is refused", async () => {
    const pool = await createPool(db, 10_000n);
    const seqs: number[] = [];
    for (let count = 0; count < 4; count += 1) seqs.push(...(await charge(pool, 1, 5n, "GET /when")));
    // A Date has milliseconds: the charges are moved to whole ones, so that bounds can lie exactly on them.
    const owner = [pool.accountId, pool.creditType];
    await changeEntries(db, (tx) =>
      tx.query(
        `UPDATE farebox.entries SET at = date_trunc('milliseconds', at) WHERE ${OF_POOL} AND kind = 'c'`,
        owner,
      ),
    );
    const times = await db.query<{ at: Date }>(
      `SELECT at FROM farebox.entries WHERE ${OF_POOL} AND kind = 'c' ORDER BY seq`,
      owner,
    );
    const [, from, , to] = times.map(({ at }) => at);
    assert.ok(from !== undefined && to !== undefined);
    const filter = await filterFor("GET /when", { from, to });
    assert.equal((await previewRefunds(db, filter)).charges, 2);
    await create(filter);
    await finish();
    assert.deepEqual(
      (await refundsOf(pool)).map(([seq]) => seq),
      [seqs[1], seqs[2]],
    );
    const open = { ...filter, to: new Date((await now()).getTime() + 60_000) };
    await assert.rejects(previewRefunds(db, open), { code: "charge_period_open" });
  });

  test("a reference finds the same bulk refund, and refuses another filter or reason", async () => {
    const { accountId } = await createPool(db, 10n);
    const filter = await filterFor("GET /reference", { accountId, keyId: undefined });
    const { bulkId } = await create(filter, "incident 7");
    const find = (change: Partial<Parameters<typeof findBulkRefund>[1]>) =>
      db.transaction((tx) =>
        findBulkRefund(tx, { reference: "incident 7", reason: "outage", filter, ...change }),
      );
    assert.equal((await find({}))?.bulkId, bulkId);
    assert.equal(await find({ reference: "incident 8" }), undefined);
    for (const change of [{ reason: "other" }, { filter: { ...filter, endpoint: "GET /x" } }]) {
      await assert.rejects(find(change), { code: "bulk_refund_conflict" });
    }
    await finish();
  });
});
