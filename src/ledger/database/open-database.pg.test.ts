import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { refusedCodes } from "../testing/at-once.ts";
import { type PostgresServer, startPostgres } from "../testing/postgres-server.ts";
import { copyPostgresTemplate } from "../testing/postgres-template.ts";
import { tlsFix } from "./address/tls-fix.ts";
import { openDatabase } from "./open-database.ts";
import { openPostgres } from "./postgres.ts";
import { readServer } from "./read-server.ts";
import { connectError } from "./storage-error.ts";

describe("opening a Postgres server", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });

  after(() => server.stop());

  test("a server that does not answer is tried with growing pauses, then named without its password", async () => {
    const reasons: string[] = [];
    const url = `postgres://ops:secret@127.0.0.1:${await closedPort()}/books`;
    const started = performance.now();
    const error: unknown = await openDatabase(
      { url },
      { retryMs: 1500, onRetry: ({ reason }) => reasons.push(reason) },
    ).catch((caught: unknown) => caught);
    assert.ok(error instanceof Error && "code" in error && error.code === "database_unreachable");
    assert.match(error.message, /127\.0\.0\.1:\d+\/books could not be reached .*ECONNREFUSED/);
    assert.doesNotMatch(error.message, /secret/);
    assert.ok(reasons.length >= 3 && reasons.length <= 8, String(reasons.length));
    assert.ok(performance.now() - started < 2500);
  });

  test("TLS that the server has not, or whose authority nobody knows, is told with what to do", async () => {
    const noTls = await openDatabase({ url: `${server.url}?sslmode=require` }, { retryMs: 300 }).catch(
      (caught: unknown) => caught,
    );
    assert.match(
      JSON.stringify(noTls),
      /"fix":"Turn TLS on at the server \(ssl = on\), or leave out sslmode/,
    );
    const unknown = Object.assign(new Error("self-signed certificate"), {
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    assert.match(tlsFix(connectError(unknown)) ?? "", /sslrootcert=\/path\/to\/ca\.pem/);
    assert.equal(tlsFix(connectError(new Error("connect ECONNREFUSED"))), undefined);
  });

  test("a wrong password and an unknown database are told at once", async () => {
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    const unknown = new URL(server.url);
    unknown.pathname = "/nowhere";
    const started = performance.now();
    for (const [url, sqlState] of [
      [wrong, "28P01"],
      [unknown, "3D000"],
    ] as const) {
      const where = `127.0.0.1:${url.port}${url.pathname}`;
      await assert.rejects(openDatabase({ url: url.href }), {
        code: "database_unreachable",
        detail: { where, sqlState },
      });
    }
    assert.ok(performance.now() - started < 5000);
  });

  test("a commit waits for the disk whatever the role or the database say, and no less than they say", async () => {
    const url = await copyPostgresTemplate(server.url);
    const name = new URL(url).pathname.slice(1);
    const readSetting = async (value: string): Promise<string | undefined> => {
      const admin = openPostgres({ url: server.url });
      await admin.exec(`ALTER DATABASE ${name} SET synchronous_commit TO ${value}`);
      await admin.close();
      const database = await openDatabase({ url });
      const [row] = await database.query<{ setting: string }>(
        "SELECT current_setting('synchronous_commit') AS setting",
      );
      const { weakSettings } = await readServer(database);
      assert.equal(weakSettings.includes("synchronous_commit = off"), value === "off", "the doctor is told");
      await database.close();
      return row?.setting;
    };
    assert.equal(await readSetting("off"), "on");
    for (const value of ["local", "remote_write", "on", "remote_apply"])
      assert.equal(await readSetting(value), value);
  });

  test("a commit goes on waiting for the disk when the server's settings change under it", async () => {
    const durable = await startPostgres({ fsync: true });
    const database = await openDatabase({ url: durable.url }, { maxConnections: 1 });
    const read = async (column: string): Promise<unknown> =>
      (await database.query(`SELECT ${column} FROM pg_settings WHERE name = 'synchronous_commit'`))[0];
    assert.deepEqual(await read("reset_val, setting"), { reset_val: "on", setting: "on" });
    const admin = openPostgres({ url: durable.url });
    await admin.exec("ALTER SYSTEM SET synchronous_commit TO off");
    await admin.exec("SELECT pg_reload_conf()");
    let changed = await read("reset_val, setting");
    while (JSON.stringify(changed).includes('"reset_val":"on"')) changed = await read("reset_val, setting");
    assert.deepEqual(changed, { reset_val: "off", setting: "on" });
    await admin.close();
    await database.close();
    await durable.stop();
  });

  test("a server without fsync is refused, unless it says that it is disposable", async () => {
    const weak = await startPostgres({ fsync: false, disposable: false });
    await assert.rejects(openDatabase({ url: weak.url }), {
      code: "database_not_durable",
      detail: {
        settings: ["fsync = off", "full_page_writes = off"],
        fix: "Turn it on in postgresql.conf and restart the server.",
      },
    });
    await weak.stop();
    await (await openDatabase({ url: server.url })).close();
  });

  test("a server that comes up while it is tried is opened", async () => {
    await server.crash();
    const opening = openDatabase({ url: server.url });
    await server.start();
    const database = await opening;
    assert.equal(database.kind, "postgres");
    await database.close();
  });

  test("a server's death fails what runs, and the next query finds the restarted one", async () => {
    const url = await copyPostgresTemplate(server.url);
    const database = await openDatabase({ url });
    const [results] = await Promise.all([
      Promise.allSettled([database.query("SELECT pg_sleep(5)")]),
      database.query("SELECT 1").then(() => server.crash()),
    ]);
    assert.deepEqual(refusedCodes(results), ["storage_unavailable"]);
    await assert.rejects(database.query("SELECT 1"), { code: "storage_unavailable", retryable: true });
    await server.start();
    assert.deepEqual(await database.query("SELECT current_schema() AS schema"), [{ schema: "farebox" }]);
    await database.close();
  });

  test("a session that the server has ended is not used again, and fails one query at most", async () => {
    const url = await copyPostgresTemplate(server.url);
    const [database, other] = [
      await openDatabase({ url }, { maxConnections: 1 }),
      await openDatabase({ url }),
    ];
    const readPid = (): Promise<{ pid: number }[]> => database.query("SELECT pg_backend_pid() AS pid");
    const [ended] = await readPid();
    assert.deepEqual(await readPid(), [ended]);
    await other.query("SELECT pg_terminate_backend($1::int, 5000)", [ended?.pid]);
    const [first, second] = [await Promise.allSettled([readPid()]), await readPid()];
    assert.deepEqual(
      refusedCodes(first).filter((code) => code !== "storage_unavailable"),
      [],
    );
    assert.notDeepEqual(second, [ended]);
    await Promise.all([database.close(), other.close()]);
  });

  test("a network that swallows everything is given up soon after the statement's deadline", async () => {
    const wire = await startWire(server.url);
    const database = openPostgres({ url: wire.url, limits: { statementTimeoutMs: 200, lockTimeoutMs: 200 } });
    await database.query("SELECT 1");
    wire.cut();
    const started = performance.now();
    await assert.rejects(database.query("SELECT 1"), { code: "storage_unavailable", retryable: true });
    assert.ok(performance.now() - started < 5000);
    wire.fix();
    assert.deepEqual(await database.query("SELECT 2 AS two"), [{ two: 2 }]);
    await database.close();
    wire.stop();
  });

  test("an answer that the network has lost is given up once the server says that it works on nothing", async (context) => {
    const wire = await startWire(server.url);
    context.after(() => wire.stop());
    // Only the asking can end the wait: the deadline is far.
    const limits = { statementTimeoutMs: 3_600_000, lockTimeoutMs: 3_600_000 };
    const database = openPostgres({ url: wire.url, limits });
    const direct = openPostgres({ url: server.url, limits });
    await Promise.all([1, 2].map(() => database.query("SELECT pg_sleep(0.2)")));
    wire.mute();
    const swallowed = await Promise.allSettled([
      database.query("SELECT 1"),
      database.exec("SELECT 1"),
      // It is worked on for longer than others are, before anyone asks: it is waited for.
      direct.query("SELECT pg_sleep(2.5)"),
    ]);
    assert.deepEqual(refusedCodes(swallowed), ["storage_unavailable", "storage_unavailable"]);
    assert.equal(swallowed[2]?.status, "fulfilled");
    assert.deepEqual(await database.query("SELECT 2 AS two"), [{ two: 2 }]);
    await Promise.all([database.close(), direct.close()]);
  });

  test("a statement longer than the limit is cancelled and says so as an outage", async () => {
    const database = openPostgres({
      url: server.url,
      limits: { statementTimeoutMs: 100, lockTimeoutMs: 100 },
    });
    await assert.rejects(database.query("SELECT pg_sleep(10)"), {
      code: "storage_unavailable",
      detail: { sqlState: "57014" },
    });
    await database.close();
  });

  test("a statement prepared before its table changed works after one refusal that may be retried", async () => {
    const url = await copyPostgresTemplate(server.url);
    const database = openPostgres({ url, maxConnections: 1 });
    await database.exec("CREATE TABLE changing (a int); INSERT INTO changing VALUES (1)");
    const statement = { name: "all-of-changing", text: "SELECT * FROM changing" };
    await database.query(statement);
    await database.exec("ALTER TABLE changing ADD b int");
    await assert.rejects(database.query(statement), { code: "storage_unavailable", retryable: true });
    assert.deepEqual(await database.query(statement), [{ a: 1, b: null }]);
    await database.close();
  });
});

/** A way to the server that can lose what is sent over it without a sign: everything, or what is answered on connections of before. */
async function startWire(serverUrl: string) {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let isCut = false;
  let mutes = 0;
  const wire = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const mutesBefore = mutes;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => isCut || (to === client && mutes > mutesBefore) || to.write(bytes));
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(wire, "listening");
  const address = wire.address();
  const url = new URL(serverUrl);
  url.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: url.href,
    mute: () => void (mutes += 1),
    cut: () => void (isCut = true),
    fix: () => void (isCut = false),
    stop: () => {
      wire.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A port that nobody listens on: it was free a moment ago. */
function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
