import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { assertSound, createPool } from "../testing/books.ts";
import { exportOf, exportVerbs } from "../testing/new-export.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { findExport, listAllExports, listExports, listExportWork } from "./read-exports.ts";

eachDatabase("exports that are listed", (openFresh) => {
  let db: Database;
  const { create } = exportVerbs(() => db);

  before(async () => {
    db = await openFresh();
  });
  afterEach(() => assertSound(db));

  test("lists are newest first, page by page, of one account or of all", async () => {
    const pool = await createPool(db, 1_000n);
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      made.unshift((await create(exportOf(pool, { maxRecords: 1 }))).exportId);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listExports(db, pool, { limit: 2, cursor });
      seen.push(...page.items.map(({ exportId }) => exportId));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(seen, made);
    assert.deepEqual((await listExports(db, pool, { limit: 10, states: ["charged"] })).items, []);
    const shards = [0, 1, 2, 3];
    const all: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listAllExports(db, shards, { limit: 7, cursor });
      all.push(...page.items.map(({ exportId }) => exportId));
      if (page.next === null) break;
      cursor = page.next;
    }
    assert.deepEqual(all.slice(0, 5), made);
    assert.equal(new Set(all).size, all.length);
    const [row] = await db.query<{ count: bigint }>("SELECT count(*) AS count FROM farebox.exports");
    assert.equal(BigInt(all.length), row?.count);
    assert.equal((await findExport(db, shards, made[0] ?? ""))?.accountId, pool.accountId);
    assert.equal(await findExport(db, shards, "'; --"), undefined);
  });

  test("a server of several that is away keeps the work of the others from nobody", async () => {
    const pool = await createPool(db, 1_000n);
    const { exportId } = await create(exportOf(pool, { maxRecords: 1 }));
    const kind = (await findExport(db, [pool.shard], exportId))?.kind ?? "";
    const isAway = (shard: unknown): boolean => Number(shard) % 2 !== pool.shard % 2;
    const cluster: Database = {
      kind: "postgres",
      query: (statement, params = []) =>
        isAway(params.at(-1)) ? Promise.reject(new Error("away")) : db.query(statement, params),
      exec: (sql) => db.exec(sql),
      transaction: (run) => db.transaction(run),
      close: () => db.close(),
      serverOf: (shard) => shard % 2,
    };
    assert.ok((await listExportWork(cluster, [0, 1, 2, 3], [kind])).includes(pool.shard));
    const away = [0, 1, 2, 3].filter(isAway);
    await assert.rejects(listExportWork(cluster, away, [kind]), /away/);
  });
});
