import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { type LedgerHandle, openLedger } from "../open-ledger.ts";
import { listAudit } from "../operators/operator-audit.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { assertSound, createPool, LEDGER, nameKeys } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { advanceBulkRefund } from "./advance-bulk-refund.ts";
import { cancelBulkRefund, listBulkRefunds, readBulkRefund } from "./bulk-refunds.ts";
import { previewRefunds } from "./preview-refunds.ts";
import { refundCharge } from "./refund.ts";
import { bulkVerbs } from "./testing/bulk-verbs.ts";

eachDatabase("bulk refunds under way", (openFresh, kind) => {
  let db: Database;
  let ledger: LedgerHandle;
  const { filterFor, create, finish, charge, refundsOf } = bulkVerbs(
    () => db,
    () => ledger,
  );

  before(async () => {
    db = await openFresh();
    ledger = await openLedger(db, LEDGER);
    await nameKeys(db, await createPool(db, 0n), ["key_2", "key_bad"]);
  });
  afterEach(() => assertSound(db));

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

  if (kind === "postgres") {
    test("one whose pool somebody keeps locked keeps no other waiting", async () => {
      const [locked, free] = [await createPool(db, 1_000n), await createPool(db, 1_000n)];
      await charge(locked, 3, 5n, "GET /locked");
      await charge(free, 3, 5n, "GET /free");
      const first = await create(await filterFor("GET /locked", { accountId: locked.accountId }));
      const second = await create(await filterFor("GET /free", { accountId: free.accountId }));
      const { accountNo } = await poolKeyOf(db, locked);
      await db.transaction(async (tx) => {
        await tx.query("SELECT FROM farebox.pools WHERE account_no = $1 FOR UPDATE", [accountNo]);
        await assert.rejects(advanceBulkRefund(db), { code: "storage_unavailable" });
        while ((await readBulkRefund(db, second.bulkId)).state === "running") {
          await advanceBulkRefund(db).catch(() => undefined);
        }
        assert.equal((await readBulkRefund(db, first.bulkId)).refunded.charges, 0);
      });
      await finish();
      for (const { bulkId } of [first, second]) {
        assert.equal((await readBulkRefund(db, bulkId)).refunded.charges, 3);
      }
    });
  }

  if (kind === "postgres") {
    test("a charge of the period that was not committed yet when its pool was come to is refunded too", async () => {
      // Without a committed one that matches, nothing else of the step locks the pool.
      const [pool, other] = [await createPool(db, 1_000n), await createPool(db, 1_000n)];
      await charge(pool, 3, 5n, "GET /early");
      await charge(other, 1, 5n, "GET /late");
      const { bulkId } = await create(await filterFor("GET /late", { accountId: pool.accountId }));
      const { accountNo } = await poolKeyOf(db, pool);
      await db.transaction(async (tx) => {
        await tx.query(
          `INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no,
             units, price_list, status, kind)
           SELECT account_no, type_no, shard, seq + 1, at, amount, balance + amount, spent - amount, gen_random_uuid(), key_no,
             (SELECT o.endpoint_no FROM farebox.entries o WHERE o.account_no = $2 AND o.kind = 'c'), units, price_list, status, kind
           FROM farebox.entries WHERE account_no = $1 ORDER BY seq DESC LIMIT 1`,
          [accountNo, (await poolKeyOf(db, other)).accountNo],
        );
        await tx.query(
          "UPDATE farebox.pools SET last_seq = last_seq + 1, balance = balance - 5, spent = spent + 5 WHERE account_no = $1",
          [accountNo],
        );
        await assert.rejects(advanceBulkRefund(db), { code: "storage_unavailable" });
      });
      await finish();
      assert.equal((await readBulkRefund(db, bulkId)).refunded.charges, 1);
    });
  }

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
