import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { refusedCodes } from "../../testing/at-once.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-databases.ts";
import type { Database } from "../database.ts";
import { openDatabase } from "../open-database.ts";
import { openPglite } from "./pglite.ts";
import { PgliteThread } from "./pglite-thread.ts";

describe("the embedded database", () => {
  let template: TestDatabase;
  let directory: string;

  before(async () => {
    template = await createTestDatabase("pglite");
    assert.ok("directory" in template.target);
    directory = template.target.directory;
    const database = await openDatabase({ directory });
    await database.exec("CREATE TABLE lines (n bigint PRIMARY KEY)");
    await database.close();
  });

  after(() => template.drop());

  const open = (): Promise<Database> => openDatabase({ directory });

  test("a second opening is refused with the pid of the first, and works after its close", async () => {
    const first = await open();
    await assert.rejects(open(), {
      name: "FareboxError",
      code: "data_directory_locked",
      detail: { directory, pid: process.pid },
    });
    assert.deepEqual(await first.query("SELECT 1 AS one"), [{ one: 1 }]);
    await first.close();
    await (await open()).close();
  });

  test("closing waits for queries that run and refuses those that come later", async () => {
    const database = await open();
    const running = database.query("SELECT 7 AS seven");
    const closed = database.close();
    assert.deepEqual(await running, [{ seven: 7 }]);
    await closed;
    await assert.rejects(database.query("SELECT 1"), { code: "storage_unavailable" });
    await database.close();
  });

  test("the thread's death fails what runs at once, and the next query opens the directory again", async () => {
    const thread = new PgliteThread(directory);
    const database = await openPglite(directory, thread);
    await database.query("INSERT INTO lines VALUES (1)");
    const worker = await thread.start();
    const results = await Promise.allSettled([
      database.transaction(async (tx) => {
        await tx.query("INSERT INTO lines VALUES (2)");
        const waiting = tx.query("SELECT pg_sleep(5)");
        void worker.terminate();
        await waiting;
      }),
    ]);
    assert.deepEqual(refusedCodes(results), ["storage_unavailable"]);
    assert.deepEqual(await database.query("SELECT n FROM lines"), [{ n: 1n }]);
    await database.close();
  });

  test("a thread that never answers is replaced, whoever waits is told, and what was committed is there", async () => {
    const thread = new PgliteThread(directory, 50);
    const database = await openPglite(directory, thread, { statementTimeoutMs: 1, lockTimeoutMs: 1 });
    const first = await thread.start();
    await database.query("INSERT INTO lines VALUES (50)");
    await assert.rejects(database.query("SELECT count(*) FROM generate_series(1, 1000000000000)"), {
      code: "storage_unavailable",
      retryable: true,
    });
    const [row] = await eventually(() => database.query<{ n: bigint }>("SELECT n FROM lines WHERE n = 50"));
    assert.deepEqual(row, { n: 50n });
    assert.notEqual(await thread.start(), first);
    await database.query("DELETE FROM lines WHERE n = 50");
    // Closed while it works on something without an end: it ends all the same.
    const endless = database.query("SELECT count(*) FROM generate_series(1, 1000000000000)");
    const told = assert.rejects(endless, { code: "storage_unavailable" });
    await thread.close();
    await told;
    await database.close();
  });

  test("a transaction that a broken connection left open is rolled back", async () => {
    const database = await open();
    await database.exec("BEGIN; INSERT INTO lines VALUES (99)");
    // A refusal of the driver, not of PGlite, makes the pool drop the connection.
    const named = (text: string) => database.query({ name: "one-name", text });
    await named("SELECT 1");
    await assert.rejects(named("SELECT 2"));
    assert.deepEqual(await database.query("SELECT FROM lines WHERE n = 99"), []);
    await database.close();
  });

  test("the files of another Postgres are refused with what to do, and those that are made now are of the one that is expected", async () => {
    const made = Number(readFileSync(join(directory, "postgres", "PG_VERSION"), "utf8"));
    const cases = [
      [
        made - 1,
        "database_from_before",
        "Start with an empty data directory, or go on with the Farebox that made this one.",
      ],
      [made + 1, "database_too_new", "Run the newer Farebox that made it."],
    ] as const;
    for (const [version, code, fix] of cases) {
      const other = mkdtempSync(join(tmpdir(), "farebox-other-"));
      const data = join(other, "postgres");
      mkdirSync(data);
      writeFileSync(join(data, "PG_VERSION"), `${version}\n`);
      await assert.rejects(openDatabase({ directory: other }), {
        code,
        message: `The data in ${data} is of Postgres ${version}; the embedded database of this Farebox is Postgres ${made}.`,
        detail: { directory: data, fix },
      });
      rmSync(other, { recursive: true, force: true });
    }
  });

  test("an initialisation that was killed half-way is started anew", async () => {
    const fresh = mkdtempSync(join(tmpdir(), "farebox-half-"));
    mkdirSync(join(fresh, "postgres.new"));
    writeFileSync(join(fresh, "postgres.new", "PG_VERSION"), "18\n");
    const database = await openDatabase({ directory: fresh });
    assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
    await database.close();
    rmSync(fresh, { recursive: true, force: true });
  });

  test("what was acknowledged survives kill -9 of the process, several times over", async () => {
    let acknowledged = 0n;
    for (let run = 0; run < 3; run += 1) {
      const last = await writeUntilKilled(directory, 40);
      acknowledged = last > acknowledged ? last : acknowledged;
      const database = await open();
      const [row] = await database.query<{ count: bigint; max: bigint }>(
        "SELECT count(*), max(n) FROM lines WHERE n > 1000",
      );
      assert.ok(row !== undefined && row.max >= last, `${row?.max} of ${last} acknowledged`);
      assert.equal(row.count, row.max - 1000n, "no line between is missing");
      await database.close();
    }
  });
});

/** The statements of a thread that is being replaced fail, each with an error that may be tried again. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      assert.ok(error instanceof FareboxError && error.retryable, String(error));
    }
  }
}

const WRITER = `
  const { openDatabase } = await import(process.argv[1]);
  const database = await openDatabase({ directory: process.argv[2] });
  const [{ next }] = await database.query("SELECT coalesce(max(n), 1000) + 1 AS next FROM lines WHERE n > 1000");
  for (let n = next; ; n += 1n) {
    await database.query("INSERT INTO lines VALUES ($1)", [n]);
    process.send(String(n));
  }
`;

/** Returns the last line that the writer was told is stored. */
async function writeUntilKilled(directory: string, lines: number): Promise<bigint> {
  const writer: ChildProcess = spawn(
    process.execPath,
    ["--input-type=module", "-e", WRITER, import.meta.resolve("../open-database.ts"), directory],
    { stdio: ["ignore", "ignore", "inherit", "ipc"] },
  );
  let last = 0n;
  let count = 0;
  writer.on("message", (message: string) => {
    last = BigInt(message);
    count += 1;
    if (count === lines) writer.kill("SIGKILL");
  });
  await once(writer, "exit");
  assert.ok(count >= lines, "the writer ended by itself");
  return last;
}
