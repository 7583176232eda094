import assert from "node:assert/strict";
import { before, test } from "node:test";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import { openLedger } from "../open-ledger.ts";
import { chargeOf, createPool, LEDGER, letTimePass, rollUsage } from "../testing/books.ts";
import { sweep } from "../testing/sweep.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { writeLastAudit } from "./last-audit.ts";
import { readHealth } from "./read-health.ts";

eachDatabase("health", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
  });

  test("tells instances, what waits, partitions and the last audit, as they are", async () => {
    const empty = await readHealth(db);
    assert.deepEqual([empty.instances, empty.rollUp.entries, empty.duePools], [[], 0, 0]);
    assert.equal(empty.lastAudit, undefined);
    assert.equal(empty.isDefaultEmpty, true);
    assert.ok(empty.partitions.some(({ bounds }) => bounds === "DEFAULT"));
    assert.ok(empty.partitions.filter(({ bounds }) => bounds.includes("FROM")).length >= 2);

    const pool = await createPool(db, 100n);
    const ledger = await openLedger(db, LEDGER);
    await ledger.charge(chargeOf(pool, 1n));
    await ledger.heartbeat([pool.shard]);
    const busy = await readHealth(db);
    assert.deepEqual(
      busy.instances.map(({ instanceId, state }) => [instanceId, state]),
      [[ledger.instanceId, "live"]],
    );
    assert.equal(busy.rollUp.entries, 2);
    assert.ok(busy.rollUp.firstAt !== undefined && busy.rollUp.firstAt <= busy.now);
    await rollUsage(db);
    assert.deepEqual((await readHealth(db)).rollUp, { entries: 0, firstAt: undefined });

    await db.query("UPDATE farebox.pools SET next_event_at = clock_timestamp() WHERE shard = $1", [
      pool.shard,
    ]);
    assert.equal((await readHealth(db)).duePools, 1);
    await letTimePass(db, pool, 1000);
    await sweep(db, { shards: LEDGER.shards, deadAfterMs: 60_000 });
    assert.equal((await readHealth(db)).duePools, 0);

    await ledger.close();
    assert.deepEqual(
      (await readHealth(db)).instances.map(({ state }) => state),
      ["dead"],
    );
    await writeLastAudit(db, await auditLedger(db), 12.6);
    const { lastAudit } = await readHealth(db);
    const { finishedAt, ...found } = lastAudit ?? assert.fail();
    assert.ok(finishedAt <= new Date(Date.now() + 60_000));
    assert.deepEqual(found, { durationMs: 13, pools: 1, entries: 2, findings: 0 });
  });
});
