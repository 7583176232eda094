import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../testing/test-databases.ts";
import type { Database } from "./database.ts";
import { openPostgres } from "./postgres.ts";
import { StatementGate } from "./statement-gate.ts";
import { sqlStateOf } from "./storage-error.ts";

const ERROR = "E".charCodeAt(0);
const READY = "Z".charCodeAt(0);

/** Passes a server's messages on. While `holds` is set it keeps "ready for the next statement" back behind an error. */
class Passage {
  holds = false;
  readonly #held: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(url: URL) {
    this.#server = createServer((client) => {
      const server = connect(Number(url.port), url.hostname);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("error", () => undefined);
      }
      client.pipe(server);
      server.on("close", () => client.destroy());
      this.#pass(server, client);
    });
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (this.#server.address() as AddressInfo).port;
  }

  goOn(): void {
    this.holds = false;
    for (const send of this.#held.splice(0)) send();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(server: Socket, client: Socket): void {
    let rest: Buffer = Buffer.alloc(0);
    let failed = false;
    server.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const end = 1 + rest.readUInt32BE(1);
        const message = rest.subarray(0, end);
        rest = rest.subarray(end);
        if (message[0] === ERROR) failed = true;
        const isHeld = this.holds && failed && message[0] === READY;
        if (message[0] === READY) failed = false;
        if (isHeld) this.#held.push(() => client.write(message));
        else client.write(message);
      }
    });
  }
}

describe("a statement that has failed while its server still waits for another one", () => {
  let target: TestDatabase;
  let passage: Passage;
  let database: Database;

  before(async () => {
    target = await createTestDatabase("postgres");
    const url = new URL("url" in target.target ? target.target.url : "");
    passage = new Passage(new URL(url));
    url.hostname = "127.0.0.1";
    url.port = String(await passage.listen());
    database = openPostgres({ url: url.href, maxConnections: 2 });
    await database.query("SELECT 1 AS one");
  });
  after(async () => {
    await database.close();
    passage.close();
    await target.drop();
  });

  const fail = () => database.query("SELECT 1 / 0");
  const isDivision = (error: unknown): boolean => sqlStateOf(error) === "22012";
  const turns = async () => {
    for (let n = 0; n < 10; n += 1) await database.query("SELECT 1 AS one");
  };

  test("is told at once; its session is used again when it is free, and not before", async () => {
    passage.holds = true;
    await assert.rejects(fail(), isDivision);
    const { length } = await Promise.all([1, 2, 3].map(() => database.query("SELECT 2 AS two")));
    assert.equal(length, 3, "on the other session");
    passage.goOn();
    // Both at once: each waits for the other.
    const both = await Promise.all(
      [1, 2].map(() => database.transaction((tx) => tx.query("SELECT pg_backend_pid() AS pid"))),
    );
    assert.equal(both.length, 2);
  });

  test("keeps its place at the server of its shard until then", async () => {
    const gate = new StatementGate(1);
    passage.holds = true;
    await assert.rejects(gate.pass(fail), isDivision);
    let isIn = false;
    const next = gate.pass(async () => {
      isIn = true;
    });
    await turns();
    assert.equal(isIn, false);
    passage.goOn();
    await next;
    await assert.rejects(gate.pass(fail), isDivision);
    await gate.pass(turns);
  });

  test("leaves nothing behind on a session that goes on, however often it happens", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    for (let n = 0; n < 25; n += 1) {
      passage.holds = true;
      await assert.rejects(fail(), isDivision);
      passage.goOn();
      await turns();
    }
    process.off("warning", note);
    assert.deepEqual(warnings, []);
  });

  test("ends its transaction without a rollback that would wait too: its session ends, and no other", async () => {
    const readPids = async (): Promise<unknown[]> => {
      const ask = () =>
        database.transaction((tx) => tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid"));
      return (await Promise.all([ask(), ask()])).flatMap((rows) => rows.map(({ pid }) => pid));
    };
    const pids = await readPids();
    passage.holds = true;
    await assert.rejects(
      database.transaction(async (tx) => {
        await tx.query("CREATE TEMPORARY TABLE mine (n int)");
        await tx.query("SELECT 1 / 0");
      }),
      isDivision,
    );
    await turns();
    passage.goOn();
    const later = await readPids();
    assert.equal(later.filter((pid) => pids.includes(pid)).length, 1);
    const [row] = await database.query<{ mine: string | null }>("SELECT to_regclass('mine')::text AS mine");
    assert.equal(row?.mine, null);
  });
});

test("a session is kept when the server says that another one, to which it passes statements on, is away", async () => {
  const target = await createTestDatabase("postgres");
  const database = openPostgres({ url: "url" in target.target ? target.target.url : "", maxConnections: 1 });
  const readPid = async () => (await database.query("SELECT pg_backend_pid() AS pid"))[0];
  const fail = (code: string) =>
    assert.rejects(
      database.query(`DO $$ BEGIN RAISE 'connection failed' USING ERRCODE = '${code}'; END $$`),
      {
        code: "storage_unavailable",
        detail: { sqlState: code },
      },
    );
  const first = await readPid();
  await fail("08006");
  const second = await readPid();
  assert.notDeepEqual(second, first, "of one server it says that the way to it is lost");
  database.passesOn(1);
  await fail("08006");
  assert.deepEqual(await readPid(), second);
  await fail("08003");
  assert.notDeepEqual(await readPid(), second);
  await database.close();
  await target.drop();
});

test("what another server has answered breaks no session, least of all those that are for the others", async () => {
  const target = await createTestDatabase("postgres");
  const database = openPostgres({ url: "url" in target.target ? target.target.url : "", maxConnections: 1 });
  database.passesOn(2);
  /** Of both sessions: each transaction stays open until the other one has its own. */
  const readPids = async () => {
    const both = Promise.withResolvers<void>();
    let open = 0;
    const ask = () =>
      database.transaction(async (tx) => {
        const rows = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
        open += 1;
        if (open === 2) both.resolve();
        await both.promise;
        return rows;
      });
    return (await Promise.all([ask(), ask()])).flat();
  };
  // As Citus tells where it comes from.
  const fail = async (place: string) => {
    const text = `DO $x$ BEGIN RAISE 'read-only transaction' USING ERRCODE = '25006'; END $x$ /*\n${place}\n*/`;
    await assert.rejects(database.query(`DO $y$ BEGIN EXECUTE $z$${text}$z$; END $y$`), {
      detail: { sqlState: "25006" },
    });
  };
  const first = new Set((await readPids()).map(({ pid }) => pid));
  await fail("while executing command on 10.0.0.2:5432");
  assert.deepEqual(new Set((await readPids()).map(({ pid }) => pid)), first);
  await fail("while it did something else");
  const own = await readPids();
  assert.ok(
    own.every(({ pid }) => !first.has(pid)),
    "the server itself was demoted",
  );
  await database.close();
  await target.drop();
});

test("a shard that has moved away is no fault of the statement, and a table that is not there is", async () => {
  const target = await createTestDatabase("postgres");
  const database = openPostgres({ url: "url" in target.target ? target.target.url : "", maxConnections: 1 });
  const gone = { code: "storage_unavailable", retryable: true };
  await assert.rejects(database.query("SELECT FROM farebox.pools_102041"), gone);
  await assert.rejects(database.query("SELECT FROM farebox.nothing"), { code: "42P01" });
  await database.close();
  await target.drop();
});

test("a kept connection to another server that is lost is no fault of the statement", async () => {
  const target = await createTestDatabase("postgres");
  const database = openPostgres({ url: "url" in target.target ? target.target.url : "", maxConnections: 1 });
  const fail = (message: string) =>
    database.query(`DO $$ BEGIN RAISE '${message}' USING ERRCODE = 'XX000'; END $$`);
  await assert.rejects(fail("failure on connection marked as essential: 10.0.0.1:5432"), {
    code: "storage_unavailable",
    retryable: true,
  });
  await assert.rejects(fail("cache lookup failed"), { code: "XX000" });
  await database.close();
  await target.drop();
});
