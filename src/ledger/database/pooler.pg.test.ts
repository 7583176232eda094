import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { migrate } from "../migrate.ts";
import { openLedger } from "../open-ledger.ts";
import { assertSound, chargeOf, createPool, LEDGER, leaseOf, readPool } from "../testing/books.ts";
import { type PgBouncer, startPgBouncer } from "../testing/pgbouncer.ts";
import { sharedPostgres } from "../testing/postgres-server.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./open-database.ts";
import { openPostgres } from "./postgres.ts";

/** Fewer than the instances' sessions: every transaction may meet another one of the server's. */
const SESSIONS = 3;

for (const mode of ["transaction", "session"] as const) {
  void describe(`behind PgBouncer in ${mode} mode`, () => {
    let bouncer: PgBouncer;
    let url: string;
    let admin: Database;
    const name = `farebox_pooled_${randomBytes(6).toString("hex")}`;
    const opened: Database[] = [];

    before(async () => {
      const server = await sharedPostgres(18);
      admin = openPostgres({ url: server, maxConnections: 1 });
      await admin.exec(`CREATE DATABASE ${name}`);
      bouncer = await startPgBouncer(server, mode, mode === "session" ? 12 : SESSIONS);
      url = bouncer.url(name);
    });

    after(async () => {
      for (const database of opened) await database.close();
      await bouncer.stop();
      await admin.exec(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.close();
    });

    async function open(): Promise<Database> {
      const database = await openDatabase({ url }, { maxConnections: 4 });
      opened.push(database);
      return database;
    }

    test("it is noticed, and every statement finds its settings and none of another's", async () => {
      const database = await open();
      assert.equal(database.isPooled, true);
      const direct = openPostgres({ url: await sharedPostgres(18) });
      opened.push(direct);
      await direct.query("SELECT 1");
      assert.equal(direct.isPooled, false);
      const read = {
        name: "read-settings",
        text: "SELECT current_schema() AS schema, current_setting($1) AS value",
      };
      await database.exec("CREATE SCHEMA farebox");
      const rows = await Promise.all(
        Array.from({ length: 20 }, () => database.query(read, ["statement_timeout"])),
      );
      for (const [row] of rows) assert.deepEqual(row, { schema: "farebox", value: "10s" });
    });

    test("a start's migrations, and batches of several instances at once, leave sound books", async () => {
      const databases = await Promise.all([open(), open()]);
      const [first] = databases;
      assert.ok(first);
      await Promise.all(databases.map((database) => migrate(database)));
      const pool = await createPool(first, 1_000n);
      const ledgers = await Promise.all(databases.map((database) => openLedger(database, LEDGER)));
      await Promise.all(
        ledgers.map(async (ledger) => {
          for (let round = 0; round < 10; round += 1) {
            await ledger.lease(leaseOf(pool, 10n));
            const charges = Array.from({ length: 10 }, () =>
              ledger.charge(chargeOf(pool, 1n, { hold: "lease" })),
            );
            await Promise.all([...charges, ledger.heartbeat()]);
          }
        }),
      );
      for (const ledger of ledgers) await ledger.close();
      assert.equal((await readPool(first, pool)).balance, 800n);
      await assertSound(first, { atRest: true });
    });

    test("a refused statement rolls back alone, and a long one is cancelled by the server", async () => {
      const limits = { statementTimeoutMs: 100, lockTimeoutMs: 100 };
      const database = openPostgres({ url, limits });
      opened.push(database);
      await assert.rejects(database.query("SELECT 1 / $1::int", [0]), { code: "22012" });
      await assert.rejects(database.query("SELECT pg_sleep(10)"), {
        code: "storage_unavailable",
        detail: { sqlState: "57014" },
      });
      assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
    });

    test("other applications' sessions meet neither our settings nor our statements", async () => {
      for (const database of opened.splice(0)) await database.close();
      const others = Array.from({ length: SESSIONS }, () => new pg.Client({ connectionString: url }));
      await Promise.all(others.map((other) => other.connect()));
      // Each holds a session of the server while the others look at theirs.
      await Promise.all(others.map((other) => other.query("BEGIN")));
      for (const other of others) {
        const { rows } = await other.query(`SELECT current_setting('search_path') AS path,
          current_setting('statement_timeout') AS limit, current_setting('client_min_messages') AS messages,
          (SELECT count(*)::int FROM pg_prepared_statements) AS statements`);
        assert.deepEqual(rows, [{ path: '"$user", public', limit: "0", messages: "notice", statements: 0 }]);
      }
      await Promise.all(others.map((other) => other.end()));
    });
  });
}
