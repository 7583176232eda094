import assert from "node:assert/strict";
import { before, test } from "node:test";
import pg from "pg";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Parameter, Statement } from "../database/database.ts";
import { openLedger } from "../open-ledger.ts";
import { assertSound, chargeOf, createPool, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";

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

/** As a cluster of two servers seems to its caller. `fails`: whether the answer of a statement that was run is lost so. */
class ClusterLike implements Database {
  readonly kind: Database["kind"];
  fails: (text: string) => boolean = () => false;
  readonly #inner: Database;

  constructor(inner: Database) {
    this.kind = inner.kind;
    this.#inner = inner;
  }

  async query<Row>(statement: string | Statement, params?: readonly Parameter[]): Promise<Row[]> {
    const text = typeof statement === "string" ? statement : statement.text;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows that the extension would have
    if (/pg_extension|pg_dist_node/.test(text)) return [{ servers: 2 }] as Row[];
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
