import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOperatorClient, type OperatorClient } from "../../src/cli/operator/operator-client.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { type Running, startFarebox } from "../../src/server/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** An endpoint of each kind: priced, with a parameter, limited, and (any other) without a price. */
const configOf = (upstream: string): string => `upstream: ${upstream}
prices:
  - { match: GET /v1/leads, cost: 1 }
  - { match: "POST /v1/leads/{id}/notes", cost: 2 }
  - { match: "GET /v1/files/{name}", cost: 1 }
limits:
  - { match: GET /v1/limited, requests: 2, per: hour }
gateway: { trustedProxies: [127.0.0.1] }
`;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Instances of Farebox on one database (as many as that allows), with their gateways on real sockets. */
export class KeyWorld {
  readonly #test: TestDatabase;
  readonly #folder: string;
  readonly #upstream: Server;
  readonly #instances: Running[] = [];
  /** What reached the upstream: `"GET /v1/leads"`. */
  readonly reached: string[] = [];

  private constructor(test: TestDatabase, folder: string, upstream: Server) {
    this.#test = test;
    this.#folder = folder;
    this.#upstream = upstream;
    upstream.on("request", (incoming, outgoing) => {
      this.reached.push(`${incoming.method} ${incoming.url}`);
      outgoing.setHeader("content-type", "application/json").end("{}");
    });
  }

  /** PGlite's directory belongs to one process, and so to one instance. */
  static async open(kind: Database["kind"]): Promise<KeyWorld> {
    // Unreferenced: if an instance does not start, nothing is left that would keep the test's process from ending.
    const upstream = createServer().listen(0, "127.0.0.1").unref();
    await once(upstream, "listening");
    const folder = await mkdtemp(join(tmpdir(), "farebox-keys-"));
    const world = new KeyWorld(await createTestDatabase(kind), folder, upstream);
    const { port } = upstream.address() as AddressInfo;
    await writeFile(join(folder, "farebox.yaml"), configOf(`http://127.0.0.1:${port}`));
    for (let count = 0; count < (kind === "postgres" ? 2 : 1); count += 1) await world.#start();
    return world;
  }

  async #start(): Promise<void> {
    this.#instances.push(
      await startFarebox({
        config: join(this.#folder, "farebox.yaml"),
        database: this.#test.target,
        dataDirectory: this.#folder,
        listen: LOOPBACK,
        operatorListen: LOOPBACK,
        operatorToken: undefined,
        logger: createLogger({ level: "silent", format: "json" }),
        version: "test",
      }),
    );
  }

  /** The gateways' addresses. */
  get gateways(): readonly string[] {
    return this.#instances.map(({ gateway }) => gateway);
  }

  /** The operator API of an instance; with two at once, of each. */
  operator(instance = 0): OperatorClient {
    const running = this.#instances[instance % this.#instances.length];
    assert.ok(running !== undefined);
    return createOperatorClient({ url: running.operator, token: running.operatorToken.token });
  }

  /** Sends the path as it is written, which `fetch` would not. */
  call(
    gateway: string,
    key: string | undefined,
    method: string,
    path: string,
    more: object = {},
  ): Promise<Reply> {
    const { hostname, port } = new URL(gateway);
    const headers = { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...more };
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          text += part;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        answer.on("error", reject);
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  /** One priced call at every gateway: the statuses. */
  async statuses(key: string): Promise<number[]> {
    const replies = await Promise.all(
      this.gateways.map((gateway) => this.call(gateway, key, "GET", "/v1/leads")),
    );
    return replies.map(({ status }) => status);
  }

  /** Stops everything. The books must be exact, and nothing may be held any more. */
  async close(): Promise<void> {
    for (const running of this.#instances) await running.close();
    this.#upstream.closeAllConnections();
    this.#upstream.close();
    const database = await openDatabase(this.#test.target);
    const { findings, entries } = await auditLedger(database, { atRest: true });
    await database.close();
    await this.#test.drop();
    await rm(this.#folder, { recursive: true });
    assert.deepEqual(findings, []);
    assert.ok(entries > 0);
  }
}
