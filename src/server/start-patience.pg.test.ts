import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { parseConfig } from "../config/load-config.ts";
import { sharedPostgres } from "../ledger/testing/postgres-server.ts";
import { createTestDatabase } from "../ledger/testing/test-databases.ts";
import { createLogger } from "../telemetry/logger.ts";
import { type Running, startFarebox } from "./main.ts";

/** Of statements that a start sends in different steps, up to the one that makes it ready. */
const STEPS = [
  "SELECT pg_advisory_xact_lock", // migrations
  "FROM farebox.plans", // plans
  "INSERT INTO farebox.price_lists", // prices
  "farebox.secrets", // the secret of links
  "farebox.register_lane", // the instance
  "farebox.heartbeat", // the first heartbeat
];

let server: URL;
let directory: string;
/** Cuts the connection on which a client sends one of these, once each. */
let cutAt: Set<string>;
/** Lets no connection through any more. */
let isGone: boolean;
let proxy: Server;
let retries: string[];

before(async () => {
  server = new URL(await sharedPostgres(18));
  proxy = createServer((client) => {
    if (isGone) client.destroy();
    const upstream = connect(Number(server.port), server.hostname);
    client.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      const step = [...cutAt].find((mark) => text.includes(mark));
      if (step === undefined) {
        upstream.write(bytes);
      } else {
        cutAt.delete(step);
        client.destroy();
      }
    });
    upstream.on("data", (bytes) => client.write(bytes));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => undefined);
      one.on("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
});

beforeEach(async () => {
  isGone = false;
  retries = [];
  directory = await mkdtemp(join(tmpdir(), "farebox-start-"));
});

after(() => void proxy.close());

test("a database that breaks off at any step of a start is waited for, and the start goes on", async () => {
  cutAt = new Set(STEPS);
  await withDatabase(async (url) => {
    const running = await start(url);
    await running.close();
    assert.deepEqual([...cutAt], [], "every step was reached");
    assert.ok(retries.length >= STEPS.length, `${retries.length} waits`);
  });
});

test("one that stays away from the middle on is told as one that was never there", async () => {
  cutAt = new Set(["INSERT INTO farebox.price_lists"]);
  await withDatabase(async (url) => {
    const starting = start(url, () => {
      isGone = true;
    });
    await assert.rejects(starting, {
      code: "database_unreachable",
      message: /could not be reached in \d+ attempts/,
    });
  });
});

function start(url: string, onRetry: () => void = () => undefined): Promise<Running> {
  const listen = { host: "127.0.0.1", port: 0 };
  return startFarebox({
    config: parseConfig(
      "farebox.yaml",
      "upstream: http://127.0.0.1:9\nprices: [{ match: GET /x, cost: 1 }]",
      {},
    ),
    database: { url },
    dataDirectory: directory,
    listen,
    operatorListen: listen,
    operatorToken: "operator-token-of-this-test",
    logger: createLogger({ level: "silent", format: "json" }),
    version: "0.0.0",
    databaseRetryMs: 5_000,
    onDatabaseRetry: ({ reason }) => {
      retries.push(reason);
      onRetry();
    },
  });
}

async function withDatabase(use: (url: string) => Promise<void>): Promise<void> {
  // Migrated: the text of a migration would be taken for each of the steps.
  const database = await createTestDatabase("postgres");
  assert.ok("url" in database.target);
  const url = new URL(database.target.url);
  url.port = String((proxy.address() as AddressInfo).port);
  try {
    await use(url.href);
  } finally {
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  }
}
