import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect, createServer as createLine, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { startFarebox } from "../../src/server/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { type Answer, type Call, send } from "../conformance/call.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** An account, and calls as its customer makes them: with its first key, below the customer API's prefix. */
export interface Customer {
  readonly id: string;
  readonly keyId: string;
  readonly key: string;
  get(path: string, headers?: Call["headers"]): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Call["headers"]): Promise<Answer>;
  /** Any request to the gateway with the customer's key. */
  call(method: string, path: string, body?: unknown, headers?: Call["headers"]): Promise<Answer>;
}

/** A Farebox with a contract and a configuration of the test's own, in front of an upstream that answers everything. */
export interface Scene {
  readonly gateway: string;
  readonly operator: string;
  /** Undefined where the configuration switches none on. */
  readonly sidecar: string | undefined;
  /** The operator token. */
  readonly operatorToken: string;
  /** The address of the upstream. */
  readonly upstream: string;
  /** Paths that reached the upstream. */
  readonly forwarded: string[];
  /** Asks the operator API; fails unless it succeeds. */
  operate<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Asks the operator API for a stream. */
  watch(path: string): Promise<Response>;
  /** A new account with credits and one key, which has these scopes. */
  openCustomer(credits?: number, scopes?: readonly string[]): Promise<Customer>;
  /** The same database, to look into and to change what no API changes. */
  readonly database: Database;
  /** Cuts the instance's connections to the database and refuses new ones, or lets them through again. */
  setStorage(state: "up" | "down"): void;
  /** Stops everything and audits the ledger. */
  close(): Promise<void>;
}

/** Starts on a fresh database. `config` is farebox.yaml without `upstream`, `serve` what the upstream does instead. */
export async function openScene(
  config: string,
  prefix = "/v1/credits",
  serve?: RequestListener,
): Promise<Scene> {
  const forwarded: string[] = [];
  const upstream = await listen(
    createServer((request, response) => {
      forwarded.push(`${request.method} ${request.url}`);
      if (serve !== undefined) {
        serve(request, response);
        return;
      }
      request.resume().on("end", () => {
        response.setHeader("content-type", "application/json").end('{"data":[1,2,3]}');
      });
    }),
  );
  const folder = await mkdtemp(join(tmpdir(), "farebox-customer-"));
  const file = join(folder, "farebox.yaml");
  await writeFile(file, `upstream: ${upstream.url}\n${config}`);
  const fresh = await createTestDatabase("postgres");
  assert.ok("url" in fresh.target);
  const line = await openLine(fresh.target.url);
  const start = startFarebox({
    config: file,
    database: { url: line.url },
    dataDirectory: folder,
    listen: LOOPBACK,
    operatorListen: LOOPBACK,
    operatorToken: undefined,
    logger: createLogger({ level: "silent", format: "json" }),
    version: "test",
  });
  const running = await start.catch(async (error: unknown) => {
    // A listener that stays open would keep the test's process from ending.
    await upstream.close();
    await line.close();
    throw error;
  });
  const database = await openDatabase(fresh.target);
  const authorization = `Bearer ${running.operatorToken.token}`;
  const operate = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await send(running.operator, path, { method, headers: { authorization }, body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json<T>();
  };
  return {
    gateway: running.gateway,
    operator: running.operator,
    upstream: upstream.url,
    sidecar: running.sidecar,
    operatorToken: running.operatorToken.token,
    forwarded,
    database,
    setStorage: line.setState,
    operate,
    watch: (path) => fetch(`${running.operator}${path}`, { headers: { authorization } }),
    async openCustomer(credits = 1000, scopes) {
      const { id } = await operate<{ id: string }>("POST", "/v1/accounts", { name: "Customer" });
      if (credits > 0) await operate("POST", `/v1/accounts/${id}/grants`, { amount: credits });
      const created = await operate<{ id: string; key: string }>("POST", `/v1/accounts/${id}/keys`, {});
      if (scopes !== undefined) await setScopes(database, created.id, scopes);
      return customerOf(running.gateway, prefix, id, created);
    },
    async close() {
      await running.close();
      await upstream.close();
      await line.close();
      const report = await auditLedger(database, { atRest: true });
      await database.close();
      await fresh.drop();
      await rm(folder, { recursive: true });
      assert.deepEqual(report.findings, []);
    },
  };
}

/** Before the key's first use, so that no cache has to learn of it. */
async function setScopes(database: Database, keyId: string, scopes: readonly string[]): Promise<void> {
  await database.query("UPDATE farebox.keys SET scopes = $2 WHERE key_id = $1", [
    keyId,
    JSON.stringify(scopes),
  ]);
}

/** A customer who calls with this key. */
export function customerOf(
  gateway: string,
  prefix: string,
  id: string,
  created: { readonly id: string; readonly key: string },
): Customer {
  // The same key in each place where a shipped contract reads it.
  const { key } = created;
  const credentials = { authorization: `Bearer ${key}`, "x-api-key": key, apikey: key, api_key: key };
  const call: Customer["call"] = (method, path, body, headers = {}) =>
    send(gateway, path, { method, headers: { ...credentials, ...headers }, body });
  return {
    id,
    keyId: created.id,
    key,
    call,
    get: (path, headers) => call("GET", `${prefix}${path}`, undefined, headers),
    post: (path, body, headers) => call("POST", `${prefix}${path}`, body, headers),
  };
}

async function listen(
  server: Server,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Line {
  readonly url: string;
  readonly setState: (state: "up" | "down") => void;
  readonly close: () => Promise<void>;
}

/** A way to the database that can be cut. */
async function openLine(databaseUrl: string): Promise<Line> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isUp = true;
  const server = createLine((client) => {
    if (!isUp) {
      client.destroy();
      return;
    }
    const database = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const url = new URL(target);
  url.port = String(address.port);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    setState(state) {
      isUp = state === "up";
      if (!isUp) cut();
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}
