import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import { assertSound, chargeOf, createPool, LEDGER, nameKeys, placeEntries } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type EntryQuery, listEntries, readEntry, readEntryPages } from "./entries.ts";
import { poolKeyOf } from "./pool-key.ts";

const requestOf = (index: number): string => `00000000-0000-4000-8000-00000000000${index}`;

eachDatabase("entries", (openFresh) => {
  let db: Database;
  let pool: PoolRef;

  before(async () => {
    db = await openFresh();
    pool = await createPool(db, 1000n);
    await nameKeys(db, pool, ["key_0", "key_1"]);
    const ledger = await openLedger(db, LEDGER);
    for (let index = 0; index < 9; index += 1) {
      await ledger.charge(
        chargeOf(pool, 1n, {
          keyId: `key_${index % 2}`,
          endpoint: `GET /${index % 3}`,
          requestId: requestOf(index),
          units: index,
        }),
      );
    }
    await refundCharge(db, { pool, seq: 5, amount: "all", reason: "broken", reference: "r" });
    await ledger.close();
  });

  const seqs = async (query: Omit<EntryQuery, "limit">): Promise<number[]> =>
    (await listEntries(db, pool, { limit: 100, ...query })).entries.map(({ seq }) => seq);

  test("an entry tells everything that is known of a charge and of its refund", async () => {
    const charge = await readEntry(db, pool, 5);
    assert.ok(charge);
    assert.deepEqual(
      { ...charge, at: undefined },
      {
        seq: 5,
        at: undefined,
        kind: "charge",
        amount: -1n,
        balance: 996n,
        uncollected: 0n,
        requestId: requestOf(3),
        keyId: "key_1",
        endpoint: "GET /0",
        units: 3,
        status: 200,
        priceList: 1,
        grantId: null,
        refundOf: null,
        reason: null,
      },
    );
    const refund = await readEntry(db, pool, 11);
    assert.deepEqual(
      [refund?.kind, refund?.amount, refund?.refundOf, refund?.reason, refund?.requestId],
      ["refund", 1n, 5, "broken", requestOf(3)],
    );
    assert.equal(await readEntry(db, pool, 12), undefined);
  });

  test("entries stay as they were written, also for the role that owns them", async () => {
    for (const change of ["UPDATE farebox.entries SET amount = 0", "DELETE FROM farebox.entries"]) {
      await assert.rejects(db.exec(change), { code: "FB003" });
    }
    const empty = db.transaction(async (tx) => {
      await tx.exec(`CREATE ROLE owns_entries; GRANT USAGE ON SCHEMA farebox TO owns_entries;
        ALTER TABLE farebox.entries OWNER TO owns_entries; SET LOCAL ROLE owns_entries`);
      await tx.exec("TRUNCATE farebox.entries");
    });
    await assert.rejects(empty, { code: "42501" });
    assert.equal((await seqs({})).length, 11);
  });

  test("pages continue where the one before ended, the newest first, and end", async () => {
    const pages: number[][] = [];
    let cursor: number | undefined;
    for (;;) {
      const page = await listEntries(db, pool, { limit: 4, before: cursor });
      pages.push(page.entries.map(({ seq }) => seq));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(pages, [
      [11, 10, 9, 8],
      [7, 6, 5, 4],
      [3, 2, 1],
    ]);
  });

  test("entries are filtered by kind, key, endpoint and time, and by all of them", async () => {
    assert.deepEqual(await seqs({ kind: "grant" }), [1]);
    assert.deepEqual(await seqs({ kind: "refund" }), [11]);
    assert.deepEqual(await seqs({ keyId: "key_1", kind: "charge" }), [9, 7, 5, 3]);
    assert.deepEqual(await seqs({ endpoint: "GET /2" }), [10, 7, 4]);
    assert.deepEqual(await seqs({ endpoint: "GET /2", keyId: "key_1" }), [7]);
    const fifth = (await readEntry(db, pool, 5))?.at;
    assert.ok(fifth);
    const [{ exact } = { exact: fifth }] = await db.query<{ exact: Date }>(
      "SELECT date_trunc('milliseconds', at) + interval '1 millisecond' AS exact FROM farebox.entries WHERE account_no = $1 AND seq = 5",
      [(await poolKeyOf(db, pool)).accountNo],
    );
    const older = await seqs({ to: exact });
    assert.ok(older.includes(5) && older.includes(1) && !older.includes(11), older.join());
    assert.deepEqual([...(await seqs({ from: exact })), ...older], await seqs({}));
    assert.deepEqual(await seqs({ from: new Date(Date.now() + 60_000) }), []);
    assert.deepEqual(await seqs({ to: new Date(0) }), []);
  });

  test("a pool that does not exist has no entries", async () => {
    assert.deepEqual(await listEntries(db, { ...pool, creditType: "other" }, { limit: 10 }), {
      entries: [],
      next: null,
    });
  });

  test("a period is exactly its entries, wherever it begins and ends, and periods that meet make a whole", async () => {
    const placed = await createPool(db, 1000n);
    const ledger = await openLedger(db, LEDGER);
    for (let index = 0; index < 20; index += 1) await ledger.charge(chargeOf(placed, 1n));
    await ledger.close();
    const start = Date.parse("2024-01-31T23:59:00Z");
    // Some share a moment, some lie on both sides of the end of a month.
    const minutes = [
      0, 0, 0, 1, 1, 2, 3, 5, 8, 8, 8, 8, 9, 100, 101, 102, 50_000, 50_000, 50_001, 90_000, 90_000,
    ];
    const times = minutes.map((minute) => start + minute * 60_000);
    await placeEntries(
      db,
      placed,
      times.map((time) => new Date(time)),
    );
    const moments = [...new Set(times.flatMap((time) => [time - 1, time, time + 1]))];
    const { shard, accountNo, typeNo } = await poolKeyOf(db, placed);
    for (const moment of moments) {
      const [row] = await db.query<{ first: bigint }>(
        "SELECT farebox.first_seq_at($1, $2, $3, $4) AS first",
        [shard, accountNo, typeNo, new Date(moment)],
      );
      const expected = times.filter((time) => time < moment).length + 1;
      assert.equal(Number(row?.first), expected, new Date(moment).toISOString());
    }
    for (const [index, moment] of moments.entries()) {
      const from = new Date(moments[index - 5] ?? 0);
      const to = new Date(moment);
      const seen: number[] = [];
      let cursor: number | undefined;
      for (;;) {
        const page = await listEntries(db, placed, { from, to, limit: 3, before: cursor });
        seen.push(...page.entries.map(({ seq }) => seq));
        if (page.next === null) break;
        cursor = page.next;
      }
      const expected = times.flatMap((time, at) =>
        time >= from.getTime() && time < to.getTime() ? [at + 1] : [],
      );
      assert.deepEqual(seen.reverse(), expected, `${from.toISOString()} to ${to.toISOString()}`);
    }
    await assertSound(db);
  });

  test("all pages of a query are read one by one, and end", async () => {
    const seen: number[] = [];
    for await (const entries of readEntryPages(db, pool, { kind: "charge", keyId: "key_0" })) {
      seen.push(...entries.map(({ seq }) => seq));
    }
    assert.deepEqual(seen, [10, 8, 6, 4, 2]);
  });

  test("a cursor does not lead out of the period", async () => {
    const page = await listEntries(db, pool, { to: new Date(0), before: 9, limit: 5 });
    assert.deepEqual(page, { entries: [], next: null });
  });
});
