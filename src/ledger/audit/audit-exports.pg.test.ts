import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { createExport } from "../exports/ask-for-export.ts";
import { finishExport } from "../exports/work-on-export.ts";
import type { PoolRef } from "../ledger.ts";
import { changeEntries, createPool, OF_POOL } from "../testing/books.ts";
import { claimOf, exportOf, recordParts } from "../testing/new-export.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { type AuditOptions, auditLedger } from "./audit.ts";

eachDatabase("audit of exports", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  /** What the audit finds wrong with a pool. */
  const checksOf = async (pool: PoolRef, options: AuditOptions = {}): Promise<string[]> => {
    const { findings } = await auditLedger(db, options);
    return findings.filter(({ accountId }) => accountId === pool.accountId).map(({ check }) => check);
  };

  /** Does what nothing can: changes rows of a pool, entries too, or the parts of all. */
  const corrupt = (pool: PoolRef, sql: string): Promise<void> =>
    changeEntries(db, async (tx) => {
      if (sql.includes("export_parts")) return await tx.query(sql);
      const ofPool = `${sql.includes("WHERE") ? "AND" : "WHERE"} ${OF_POOL}`;
      return await tx.query(`${sql} ${ofPool}`, [pool.accountId, pool.creditType]);
    });

  /** A pool with an export that was charged 60 for 30 records in three parts, and one that is queued, with 40 set aside. */
  const poolWithExports = async (): Promise<PoolRef> => {
    const pool = await createPool(db, 1_000n);
    const asked = exportOf(pool, { maxRecords: 50 });
    const created = await createExport(db, asked);
    assert.equal(created.kind, "created");
    const claimed = (await claimOf(db, asked)) ?? assert.fail("it can be claimed");
    await recordParts(db, claimed, [10, 10, 10]);
    assert.equal(await finishExport(db, claimed.job, claimed.claim, 0), "charged");
    assert.equal((await createExport(db, exportOf(pool, { maxRecords: 20 }))).kind, "created");
    return pool;
  };

  for (const [what, sql, check] of [
    [
      "a charge of another amount",
      "UPDATE farebox.exports SET charged = charged - 1 WHERE state = 'charged'",
      "an export is charged for its records",
    ],
    [
      "a charge without an entry",
      "UPDATE farebox.exports SET charged_seq = NULL WHERE state = 'charged'",
      "an export's charge is its entry",
    ],
    [
      "an entry with another request",
      "UPDATE farebox.entries SET request = gen_random_uuid() WHERE kind = 'c'",
      "an export has the one charge that it says, or none",
    ],
    [
      "an entry of another key",
      "UPDATE farebox.entries SET key_no = key_no + 1 WHERE kind = 'c'",
      "an export's charge is its entry",
    ],
    [
      "an export that is charged and does not say so",
      "UPDATE farebox.exports SET state = 'ready', charged = NULL, charged_at = NULL, charged_seq = NULL WHERE state = 'charged'",
      "an export has the one charge that it says, or none",
    ],
    [
      "records in no part",
      "UPDATE farebox.exports SET records = records + 1 WHERE state = 'charged'",
      "an export's parts are what it says",
    ],
    [
      "a part of another size",
      "UPDATE farebox.export_parts SET bytes = bytes + 1 WHERE part = 2",
      "an export's parts are what it says",
    ],
    ["a lost part", "DELETE FROM farebox.export_parts WHERE part = 2", "an export's parts are what it says"],
    [
      "what is set aside for a failed export",
      "UPDATE farebox.exports SET state = 'failed' WHERE state = 'queued'",
      "an export that has ended holds nothing",
    ],
    [
      "what is set aside for no export",
      "UPDATE farebox.exports SET hold_id = NULL WHERE state = 'queued'",
      "an export that has ended holds nothing",
    ],
  ] as const) {
    test(`a broken export is found and named: ${what}`, async () => {
      const pool = await poolWithExports();
      assert.deepEqual(await checksOf(pool), []);
      await corrupt(pool, sql);
      const checks = await checksOf(pool, { chunkEntries: 1 });
      assert.ok(checks.includes(check), checks.join());
    });
  }

  test("of an export whose files are over no part need be there", async () => {
    const pool = await poolWithExports();
    await corrupt(pool, "UPDATE farebox.exports SET state = 'expired' WHERE state = 'charged'");
    assert.deepEqual(await checksOf(pool), []);
    await corrupt(pool, "DELETE FROM farebox.export_parts");
    assert.deepEqual(await checksOf(pool), []);
  });
});
