import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../testing/postgres-server.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./open-database.ts";
import { openPostgres } from "./postgres.ts";
import { isDatabaseAway, sqlStateOf } from "./storage-error.ts";

/** Each test builds on the one before: the standby takes over in the last. */
describe("a primary and its standby", () => {
  let server: PostgresServer;
  /** Both hosts, the standby first. */
  let both: string;
  const opened: Database[] = [];

  before(async () => {
    server = await startPostgres({ standby: true });
    const { host } = new URL(server.standbyUrl);
    both = server.url.replace("@", `@${host},`).concat("?target_session_attrs=read-write");
    await runOn(server.url, "CREATE SCHEMA farebox; CREATE TABLE farebox.lines (n int)");
  });

  after(async () => {
    for (const database of opened) await database.close();
    await server.stop();
  });

  async function open(url: string): Promise<Database> {
    const database = await openDatabase({ url });
    opened.push(database);
    return database;
  }

  test("a standby is waited for as a server that does not answer, and named", async () => {
    const reasons: string[] = [];
    const onRetry = ({ reason }: { reason: string }): void => void reasons.push(reason);
    await assert.rejects(openDatabase({ url: server.standbyUrl }, { retryMs: 300, onRetry }), {
      code: "database_unreachable",
      message: /could not be reached in \d+ attempts: The server 127\.0\.0\.1:\d+ is a standby/,
    });
    assert.ok(reasons.length > 0);
  });

  test("of two hosts the one that takes writes is used, whichever stands first", async () => {
    const database = await open(both);
    await database.query("INSERT INTO lines VALUES (1)");
    const [{ port } = { port: 0 }] = await database.query<{ port: number }>(
      "SELECT inet_server_port() AS port",
    );
    assert.equal(String(port), new URL(server.url).port);
  });

  test("a session whose server takes no more writes is dropped, and so is every other one of its time", async () => {
    const database = openPostgres({ url: server.url });
    opened.push(database);
    const pids = async (): Promise<unknown[]> =>
      Promise.all([1, 2, 3].map(() => database.query("SELECT pg_backend_pid() AS pid, pg_sleep(0.05)")));
    await pids();
    await runOn(server.url, "ALTER SYSTEM SET default_transaction_read_only TO on");
    await runOn(server.url, "SELECT pg_reload_conf()");
    const write = () => database.query("INSERT INTO lines VALUES (2)");
    const refused = await eventually(() =>
      write().then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    assert.equal(sqlStateOf(refused), "25006");
    assert.equal(isDatabaseAway(refused), true);
    await assert.rejects(write(), { code: "storage_unavailable", message: /takes no writes/ });
    await runOn(server.url, "ALTER SYSTEM RESET default_transaction_read_only");
    await runOn(server.url, "SELECT pg_reload_conf()");
    await eventually(() =>
      write().then(
        () => true,
        () => undefined,
      ),
    );
  });

  test("when the standby takes over, what is open follows, and nothing that was committed is missing", async () => {
    const database = await open(both);
    const behindName = await open(both);
    await eventually(async () => {
      const rows = await database.query(
        "SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()",
      );
      return rows.length > 0 || undefined;
    });
    await server.crash();
    await assert.rejects(database.query("SELECT 1"), {
      code: "storage_unavailable",
      message: /is a standby/,
    });
    await runOn(server.standbyUrl, "SELECT pg_promote()");
    for (const one of [database, behindName]) {
      await eventually(() =>
        one.query("INSERT INTO lines VALUES (3)").then(
          () => true,
          () => undefined,
        ),
      );
    }
    const lines = await database.query<{ n: number }>("SELECT DISTINCT n FROM lines ORDER BY n");
    assert.deepEqual(
      lines.map(({ n }) => n),
      [1, 2, 3],
    );
  });
});

/** As an administrator does: on a session of its own that may write. */
async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("SET default_transaction_read_only TO off");
  await client.query(sql);
  await client.end();
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    assert.ok(performance.now() < giveUpAt, "waited in vain");
    await pause(20);
  }
}
