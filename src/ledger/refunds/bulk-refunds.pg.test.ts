import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, before, test } from "node:test";
import { base62, base62Bytes } from "../../domain/base62.ts";
import type { Credits } from "../../domain/credits.ts";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { listAudit } from "../operators/operator-audit.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  assertSound,
  changeEntries,
  chargeOf,
  createPool,
  LEDGER,
  nameKeys,
  OF_POOL,
  rollUsage,
} from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { advanceBulkRefund } from "./advance-bulk-refund.ts";
import {
  type BulkRefund,
  cancelBulkRefund,
  createBulkRefund,
  findBulkRefund,
  listBulkRefunds,
  readBulkRefund,
} from "./bulk-refunds.ts";
import type { ChargeFilter } from "./charge-filter.ts";
import { previewRefunds } from "./preview-refunds.ts";
import { refundCharge } from "./refund.ts";

eachDatabase("bulk refunds", (openFresh) => {
  let db: Database;
  let ledger: LedgerHandle;

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    await nameKeys(db, await createPool(db, 0n), ["key_2", "key_bad"]);
  });
  afterEach(() => assertSound(db));

  const now = async (): Promise<Date> => {
    const [row] = await db.query<{ now: Date }>(
      "SELECT date_trunc('milliseconds', clock_timestamp()) AS now",
    );
    return row?.now ?? assert.fail();
  };

  /** Everything that was charged by this moment, on an endpoint that no other test uses. */
  const filterFor = async (endpoint: string, change: Partial<ChargeFilter> = {}): Promise<ChargeFilter> => ({
    from: new Date("2000-01-01"),
    to: await now(),
    endpoint,
    ...change,
  });

  const create = async (filter: ChargeFilter, reference?: string): Promise<BulkRefund> => {
    const preview = await previewRefunds(db, filter);
    const bulkId = `bulk_${base62(randomBytes(base62Bytes(16)), 16)}`;
    return await db.transaction((tx) =>
      createBulkRefund(tx, { bulkId, reference, reason: "outage", filter, preview }),
    );
  };

  /** Works until nothing is left to do; returns how many steps it took. */
  const finish = async (): Promise<number> => {
    let steps = 0;
    while (await advanceBulkRefund(db)) steps += 1;
    return steps;
  };

  /** Charges `count` times on the endpoint and waits until the database's clock shows another millisecond. */
  const charge = async (pool: PoolRef, count: number, amount: Credits, endpoint: string, keyId = "key_1") => {
    const results = await Promise.all(
      Array.from({ length: count }, () => ledger.charge(chargeOf(pool, amount, { endpoint, keyId }))),
    );
    const charged = await now();
    while ((await now()).getTime() === charged.getTime());
    return results.map(({ seq }) => seq ?? assert.fail());
  };

  /** Refunds of a pool as (charge, amount, reason) in the order of the charges. */
  const refundsOf = async (pool: PoolRef) => {
    const rows = await db.query<{ charge: bigint; amount: bigint; reason: string }>(
      `SELECT refund_of AS charge, amount, reason FROM farebox.entries
       WHERE ${OF_POOL} AND kind = 'r' ORDER BY refund_of, seq`,
      [pool.accountId, pool.creditType],
    );
    return rows.map((row) => [Number(row.charge), Number(row.amount), row.reason]);
  };

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

  test("5,000 charges of 20 accounts by three workers at once, while others refund the same charges", async () => {
    const pools: PoolRef[] = [];
    for (let count = 0; count < 20; count += 1) pools.push(await createPool(db, 1_000_000n));
    const charged = await Promise.all(pools.map((pool) => charge(pool, 250, 11n, "GET /many")));
    const filter = await filterFor("GET /many");
    const preview = await previewRefunds(db, filter);
    assert.deepEqual(
      [preview.charges, preview.accounts, preview.credits.get("credits")],
      [5000, 20, 55_000n],
    );
    const { bulkId } = await create(filter);
    const single = pools.map((pool, index) =>
      refundCharge(db, { pool, seq: charged[index]?.[7] ?? 0, amount: 3n, reason: "single", reference: "s" }),
    );
    const automatic = pools.map((pool, index) =>
      ledger.refund(pool, charged[index]?.[200] ?? 0, "all", "broke", "request"),
    );
    const outcomes = await Promise.allSettled([...single, ...automatic, finish(), finish(), finish()]);
    while ((await readBulkRefund(db, bulkId)).state === "running") await finish();
    const done = await readBulkRefund(db, bulkId);
    assert.deepEqual(
      [done.failed, done.refunded.charges + done.skipped, done.refunded.accounts],
      [0, 5000, 20],
    );
    const [sums] = await db.query<{ refunded: bigint; most: bigint; bulk: bigint }>(
      `SELECT sum(amount)::bigint AS refunded, max(amount) AS most,
         (sum(amount) FILTER (WHERE reference = $2))::bigint AS bulk
       FROM (
         SELECT reference, amount FROM farebox.refunds JOIN farebox.accounts USING (account_no) WHERE account_id = ANY($1)
       ) r`,
      [pools.map(({ accountId }) => accountId), `bulk:${bulkId}`],
    );
    // Every charge is refunded whole, by whoever came first, and the counts are what the books say.
    assert.deepEqual([sums?.refunded, sums?.most], [55_000n, 11n]);
    assert.equal(done.refunded.credits.get("credits"), sums?.bulk);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.ok(
      refused.every(({ reason }) => reason.code === "refund_exceeds_charge"),
      JSON.stringify(refused),
    );
  });

  for (const moment of ["before", "after"] as const) {
    test(`a worker that dies ${moment} the commit of a step: whoever goes on refunds every charge once`, async () => {
      const pool = await createPool(db, 1_000_000n);
      const endpoint = `GET /dies-${moment}`;
      const seqs = await charge(pool, 130, 5n, endpoint);
      const { bulkId } = await create(await filterFor(endpoint, { accountId: pool.accountId }));
      assert.equal(await advanceBulkRefund(db), true);
      const begun = await readBulkRefund(db, bulkId);
      assert.deepEqual([begun.refunded.charges, begun.state], [50, "running"]);
      await assert.rejects(advanceBulkRefund(dyingDatabase(db, moment)), /killed/);
      const { refunded } = await readBulkRefund(db, bulkId);
      assert.equal(refunded.charges, moment === "before" ? 50 : 100);
      await finish();
      const done = await readBulkRefund(db, bulkId);
      assert.partialDeepStrictEqual(done, { state: "done", skipped: 0, failed: 0, refunded: done.expected });
      assert.deepEqual(
        await refundsOf(pool),
        seqs.map((seq) => [seq, 5, "outage"]),
      );
    });
  }

  test("a place that is lost, as after a restore, refunds nothing twice", async () => {
    const pool = await createPool(db, 1_000_000n);
    const seqs = await charge(pool, 60, 5n, "GET /lost");
    const { bulkId } = await create(await filterFor("GET /lost", { accountId: pool.accountId }));
    await advanceBulkRefund(db);
    await db.query(
      "UPDATE farebox.bulk_refunds SET account_id = '', credit_type = '', next_seq = NULL, end_seq = NULL WHERE bulk_id = $1",
      [bulkId],
    );
    await finish();
    const { refunded, skipped } = await readBulkRefund(db, bulkId);
    assert.deepEqual([refunded.charges, skipped], [60, 50]);
    assert.equal((await refundsOf(pool)).length, seqs.length);
  });

  test("cancelling keeps what was done and does no more; again it changes nothing, and a done one is refused", async () => {
    const pool = await createPool(db, 1_000_000n);
    await charge(pool, 70, 5n, "GET /cancel");
    const filter = await filterFor("GET /cancel", { accountId: pool.accountId });
    const { bulkId } = await create(filter);
    await advanceBulkRefund(db);
    const cancelled = await db.transaction((tx) => cancelBulkRefund(tx, bulkId));
    assert.deepEqual([cancelled.state, cancelled.refunded.charges], ["cancelled", 50]);
    assert.equal(await advanceBulkRefund(db), false);
    assert.equal((await refundsOf(pool)).length, 50);
    assert.deepEqual(await db.transaction((tx) => cancelBulkRefund(tx, bulkId)), cancelled);
    // Another one refunds the rest.
    const rest = await create(filter);
    assert.equal(rest.expected.charges, 20);
    await finish();
    assert.partialDeepStrictEqual(await readBulkRefund(db, rest.bulkId), {
      state: "done",
      skipped: 50,
      refunded: rest.expected,
    });
    await assert.rejects(
      db.transaction((tx) => cancelBulkRefund(tx, rest.bulkId)),
      { code: "bulk_refund_finished" },
    );
    await assert.rejects(
      db.transaction((tx) => cancelBulkRefund(tx, "bulk_none")),
      { code: "bulk_refund_unknown" },
    );
  });

  test("a charge that the database refuses to refund fails alone and is named", async () => {
    const pool = await createPool(db, 1_000_000n);
    await charge(pool, 5, 5n, "GET /bad");
    const [bad] = await charge(pool, 1, 5n, "GET /bad", "key_bad");
    await charge(pool, 5, 5n, "GET /bad");
    const { bulkId } = await create(await filterFor("GET /bad", { accountId: pool.accountId }));
    // The database refuses each refund of this key's charges.
    const [key] = await db.query<{ keyNo: number }>(
      `SELECT key_no AS "keyNo" FROM farebox.keys WHERE key_id = 'key_bad'`,
    );
    await db.exec(
      `ALTER TABLE farebox.entries ADD CONSTRAINT no_refund_of_bad CHECK (kind <> 'r' OR key_no <> ${key?.keyNo})`,
    );
    await finish();
    const done = await readBulkRefund(db, bulkId);
    assert.deepEqual([done.state, done.refunded.charges, done.failed], ["done", 10, 1]);
    const { accountId, creditType } = pool;
    assert.partialDeepStrictEqual(done.failures, [{ accountId, creditType, seq: bad }]);
    assert.match(done.failures[0]?.reason ?? "", /no_refund_of_bad/);
    await db.exec("ALTER TABLE farebox.entries DROP CONSTRAINT no_refund_of_bad");
  });

  test("two that run take turns, and each end is a line of the audit trail", async () => {
    const pool = await createPool(db, 1_000_000n);
    await charge(pool, 60, 5n, "GET /one");
    await charge(pool, 60, 5n, "GET /two");
    const first = await create(await filterFor("GET /one", { accountId: pool.accountId }));
    const second = await create(await filterFor("GET /two", { accountId: pool.accountId }));
    for (const { bulkId } of [first, second]) {
      await advanceBulkRefund(db);
      assert.equal((await readBulkRefund(db, bulkId)).refunded.charges, 50);
    }
    await finish();
    const { items: lines } = await listAudit(db, { limit: 2 });
    assert.deepEqual(
      lines.map(({ action, target }) => [action, target]).toReversed(),
      [first, second].map(({ bulkId }) => ["bulk_refund.finish", bulkId]),
    );
    assert.partialDeepStrictEqual(lines[0]?.detail, { charges: 60, microCredits: { credits: "300" } });
    const page = await listBulkRefunds(db, { limit: 1 });
    assert.equal(page.items[0]?.bulkId, second.bulkId);
    const rest = await listBulkRefunds(db, { limit: 1, cursor: page.next ?? "" });
    assert.equal(rest.items[0]?.bulkId, first.bulkId);
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

/** A database on which the process that uses it dies around the commit of its next transaction. */
function dyingDatabase(inner: Database, moment: "before" | "after"): Database {
  return {
    kind: inner.kind,
    query: (...args) => inner.query(...args),
    exec: (sql) => inner.exec(sql),
    close: () => Promise.resolve(),
    transaction: async (run) => {
      await inner.transaction(async (tx) => {
        await run(tx);
        if (moment === "before") throw new Error("killed");
      });
      throw new Error("killed");
    },
  };
}
