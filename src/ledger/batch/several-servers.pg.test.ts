import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import { ClusterDatabase } from "../database/cluster/cluster-database.ts";
import { ASLEEP, ClusterLike } from "../database/cluster/testing/cluster-like.ts";
import type { Database } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { assertSound, chargeOf, createPool, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { createTestDatabase, eachDatabase, type TestDatabase } from "../testing/test-databases.ts";

/** What the server that passes a batch on says when it gives up, while the shard's server is at work. */
function gaveUp(): FareboxError {
  const cause = Object.assign(
    new pg.DatabaseError("canceling statement due to statement timeout", 0, "error"),
    {
      code: "57014",
    },
  );
  return new FareboxError("storage_unavailable", "The database is not available.", {
    retryable: true,
    detail: { sqlState: cause.code },
    cause,
  });
}

eachDatabase("a batch that the shard's server commits after another one gave up", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  test("is found out: its callers are told what was charged, once", async () => {
    const cluster = new ClusterLike(db);
    const ledger = await openLedger(cluster, LEDGER);
    const pool = await createPool(db, 1_000n);
    await ledger.lease(leaseOf(pool, 100n));
    let lost = 1;
    cluster.failure = gaveUp;
    cluster.fails = (text) => text.includes("farebox.run_plain(") && lost-- > 0;
    const charges = [3n, 4n].map((amount) => ledger.charge(chargeOf(pool, amount, { hold: "lease" })));
    const told = await Promise.all(charges);
    assert.deepEqual(
      told.map(({ charged }) => charged),
      [3n, 4n],
    );
    assert.ok(lost < 1, "an answer was lost");
    await ledger.close();
    assert.equal((await readPool(db, pool)).balance, 993n);
    await assertSound(db);
  });
});

eachDatabase("a server of several that is away when an instance starts", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
    // What is called has its number.
    const ledger = await openLedger(db, LEDGER);
    await ledger.charge(chargeOf(await createPool(db, 1n), 1n));
    await ledger.close();
  });

  async function createPoolOn(server: number): Promise<PoolRef> {
    for (;;) {
      const pool = await createPool(db, 1_000n);
      if (pool.shard % 2 === server) return pool;
    }
  }

  test("keeps it from its own accounts alone, and they are taken up when it is back", async () => {
    const servers = new ClusterLike(db);
    const [here, there] = [await createPoolOn(0), await createPoolOn(1)];
    servers.isAway = true;
    const ledger = await openLedger(new ClusterDatabase(servers), {
      ...LEDGER,
      limits: { admitForMs: 0, retryForMs: 0 },
    });
    assert.deepEqual((await ledger.heartbeat()).unheard, [1, 3]);
    await ledger.lease(leaseOf(here, 100n));
    const { charged } = await ledger.charge(chargeOf(here, 2n, { hold: "lease" }));
    assert.equal(charged, 2n);
    await assert.rejects(ledger.lease(leaseOf(there, 100n)), { code: "storage_unavailable" });
    const begun = () => ledger.beginIdempotent(there.accountId, there.shard, "key", "hash");
    await assert.rejects(begun(), { code: "storage_unavailable" });
    servers.isAway = false;
    assert.deepEqual((await ledger.heartbeat()).unheard, []);
    assert.deepEqual(
      [0, 1, 2, 3].map((shard) => ledger.isSteady(shard)),
      [false, false, false, false],
    );
    await ledger.lease(leaseOf(there, 100n));
    await ledger.charge(chargeOf(there, 3n, { hold: "lease" }));
    await ledger.close();
    assert.deepEqual(
      [await readPool(db, here), await readPool(db, there)].map(({ balance, held }) => [balance, held]),
      [
        [998n, 0n],
        [997n, 0n],
      ],
    );
    await assertSound(db, { atRest: true });
  });

  test("keeps waiting or refuses nobody but who names what is new, and what is new is named when it is back", async () => {
    const servers = new ClusterLike(db);
    const here = await createPoolOn(0);
    const ledger = await openLedger(new ClusterDatabase(servers), LEDGER);
    servers.isAway = true;
    const [known, unknown] = await Promise.allSettled([
      ledger.charge(chargeOf(here, 2n)),
      ledger.charge(chargeOf(here, 3n, { endpoint: "GET /new" })),
    ]);
    assert.equal(known.status === "fulfilled" && known.value.charged, 2n);
    assert.ok(unknown.status === "rejected");
    assert.ok(unknown.reason instanceof FareboxError && unknown.reason.retryable);
    assert.equal(unknown.reason.code, "storage_unavailable");
    assert.equal((await readPool(db, here)).balance, 998n);
    servers.isAway = false;
    await ledger.charge(chargeOf(here, 3n, { endpoint: "GET /new" }));
    await ledger.close();
    assert.equal((await readPool(db, here)).balance, 995n);
  });

  test("an Idempotency-Key that begins there before the first heartbeat is a living instance's", async () => {
    const servers = new ClusterLike(db);
    const there = await createPoolOn(1);
    servers.isAway = true;
    const ledger = await openLedger(new ClusterDatabase(servers), LEDGER);
    servers.isAway = false;
    const begin = () => ledger.beginIdempotent(there.accountId, there.shard, "key", "hash");
    assert.equal((await begin()).kind, "begun");
    assert.equal((await begin()).kind, "running");
    await ledger.close();
  });

  test("one that was declared dead meanwhile goes on where a server answers", async () => {
    const servers = new ClusterLike(db);
    const [here, there] = [await createPoolOn(0), await createPoolOn(1)];
    const ledger = await openLedger(new ClusterDatabase(servers), LEDGER);
    for (const pool of [here, there]) await ledger.lease(leaseOf(pool, 100n));
    const old = ledger.instanceId;
    servers.isAway = true;
    await db.query(
      "SELECT farebox.end_lane($1::smallint, l.instance_no) FROM farebox.lanes l WHERE l.shard = $1 AND l.instance_id = $2",
      [here.shard, old],
    );
    assert.equal((await ledger.heartbeat()).alive, false);
    await ledger.register();
    assert.notEqual(ledger.instanceId, old);
    assert.deepEqual((await ledger.heartbeat()).unheard, [1, 3]);
    const { charged } = await ledger.charge(chargeOf(here, 2n));
    assert.equal(charged, 2n);
    servers.isAway = false;
    const told = await ledger.heartbeat();
    assert.deepEqual([told.alive, told.unheard], [true, []]);
    await ledger.charge(chargeOf(there, 3n));
    await ledger.close();
    assert.equal((await readPool(db, here)).held, 0n);
    assert.equal(
      (await readPool(db, there)).held,
      100n,
      "of the old id, which nobody there knows to be dead",
    );
    await assertSound(db);
  });
});

/** On one connection nobody else can work while a statement hangs: PGlite has no such case. */
void describe("a server of several that hangs, neither dead nor answering", () => {
  let target: TestDatabase;
  let db: Database;

  before(async () => {
    target = await createTestDatabase("postgres");
    db = await openDatabase(target.target);
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  async function createPoolOn(server: number): Promise<PoolRef> {
    for (;;) {
      const pool = await createPool(db, 1_000n);
      if (pool.shard % 2 === server) return pool;
    }
  }

  test("stops its own accounts and no others; what was asked of it is done once when it goes on", async () => {
    const servers = new ClusterLike(db);
    const ledger = await openLedger(new ClusterDatabase(servers), LEDGER);
    const [here, there] = [await createPoolOn(0), await createPoolOn(1)];
    for (const pool of [here, there]) await ledger.lease(leaseOf(pool, 100n));
    servers.hangs = true;
    const asked: Promise<unknown>[] = [];
    await db.transaction(async (tx) => {
      await tx.query("SELECT pg_advisory_xact_lock($1::bigint)", [ASLEEP]);
      asked.push(ledger.charge(chargeOf(there, 3n, { hold: "lease" })));
      for (let n = 0; n < 30; n += 1) {
        // On a busy machine some of them are told that it was not their turn in time.
        asked.push(
          ledger.beginIdempotent(there.accountId, there.shard, `key ${n}`, "hash").catch(() => null),
        );
        asked.push(ledger.balances(there.accountId, there.shard).catch(() => null));
      }
      const first = await ledger.heartbeat();
      assert.deepEqual(first.unheard, [1, 3]);
      assert.equal(first.alive, true);
      for (let n = 0; n < 20; n += 1) {
        const { charged } = await ledger.charge(chargeOf(here, 2n, { hold: "lease" }));
        assert.equal(charged, 2n);
        assert.deepEqual((await ledger.heartbeat([here.shard])).unheard, []);
      }
      assert.deepEqual(
        await ledger.beginIdempotent(here.accountId, here.shard, "key", "hash").then(({ kind }) => kind),
        "begun",
      );
    });
    await Promise.all(asked);
    servers.hangs = false;
    assert.deepEqual((await ledger.heartbeat()).unheard, []);
    assert.equal((await readPool(db, here)).balance, 960n);
    assert.equal((await readPool(db, there)).balance, 997n);
    await ledger.close();
    await assertSound(db);
  });
});
