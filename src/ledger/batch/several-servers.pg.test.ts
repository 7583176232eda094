import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import { ClusterDatabase } from "../database/cluster/cluster-database.ts";
import type { Database, Parameter, Statement } from "../database/database.ts";
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

/** Whoever holds it keeps the second server from answering. */
const ASLEEP = 41;

/**
 * As a cluster of two servers seems to its caller: even shards are on one, odd ones on the other. `fails`: whether the answer of a
 * statement that was run is lost so. `hangs`: what is asked of the second server keeps its connection until that goes on.
 */
class ClusterLike implements Database {
  readonly kind: Database["kind"];
  fails: (text: string) => boolean = () => false;
  hangs = false;
  readonly #inner: Database;

  constructor(inner: Database) {
    this.kind = inner.kind;
    this.#inner = inner;
  }

  async query<Row>(statement: string | Statement, params: readonly Parameter[] = []): Promise<Row[]> {
    const text = typeof statement === "string" ? statement : statement.text;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows that the extension would have
    if (/pg_extension|pg_dist_node/.test(text)) return [{ servers: 2 }] as Row[];
    if (text.includes("pg_dist_placement")) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
      return (params[0] as number[]).map((shard) => ({ shard, server: shard % 2 })) as Row[];
    }
    const [, place] = /farebox\.\w+\(\$(\d+)/.exec(text) ?? [];
    const shard = place === undefined ? undefined : params[Number(place) - 1];
    if (this.hangs && typeof shard === "number" && shard % 2 === 1) {
      return await this.#inner.transaction(async (tx) => {
        await tx.query("SELECT pg_advisory_xact_lock_shared($1::bigint)", [ASLEEP]);
        return await tx.query<Row>(statement, params);
      });
    }
    const rows = await this.#inner.query<Row>(statement, params);
    if (this.fails(text)) throw gaveUp();
    return rows;
  }

  exec(sql: string): Promise<void> {
    return this.#inner.exec(sql);
  }

  transaction<T>(run: Parameters<Database["transaction"]>[0]): Promise<T> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return this.#inner.transaction(run) as Promise<T>;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
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
