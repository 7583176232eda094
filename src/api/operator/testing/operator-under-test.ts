import assert from "node:assert/strict";
import { KeyForms, parseKeyForm } from "../../../domain/keys/key-form.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { kindOf } from "../../../ledger/testing/new-export.ts";
import { createLogger } from "../../../telemetry/logger.ts";
import { createMetrics } from "../../../telemetry/metrics.ts";
import { TrafficFeed } from "../../../telemetry/traffic-feed.ts";
import { createOperatorApi } from "../create-operator-api.ts";
import type { OperatorApp } from "../operator-env.ts";

export const TOKEN = "operator-token-of-the-tests";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into bodies of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly text: string;
}

export interface Send {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Keys that were made elsewhere. */
function readForms() {
  const form = parseKeyForm("old-{hex 32}");
  if ("reason" in form) throw new TypeError(form.reason);
  return [{ form, salt: "pepper:" }];
}

/** The operator API on a database, called without a socket. */
export class OperatorUnderTest {
  readonly app: OperatorApp;
  readonly log: string[] = [];
  readonly traffic = new TrafficFeed();
  ready = true;
  databaseAway = false;

  constructor(database: Database) {
    this.app = createOperatorApi({
      database,
      config: {
        creditTypes: ["credits", "search"],
        contract: "farebox",
        open: ["GET /health"],
        upstreams: [],
        limits: [],
        plans: [],
        customerApi: {
          enabled: true,
          path: "/v1/credits",
          requests: 300,
          windowSeconds: 60,
          selfService: { keys: false, maxKeys: 20 },
        },
        exports: { kinds: [kindOf()], storage: undefined, workers: 0, workersPerAccount: 1, linkSeconds: 60 },
        keys: { prefix: "fbx", form: undefined, forms: new KeyForms(readForms()) },
        portal: {
          enabled: true,
          path: "/portal",
          frameAncestors: [],
          brand: { name: "Farebox", logo: undefined, accent: undefined },
        },
        shards: 4,
      },
      token: TOKEN,
      console: {
        path: "/console",
        answer: () => assert.fail("no page is asked for here"),
        findOperator: () => Promise.resolve(undefined),
      },
      logger: createLogger({ level: "info", format: "json", write: (line) => this.log.push(line) }),
      metrics: createMetrics(),
      traffic: this.traffic,
      version: "0.0.0",
      instanceId: () => "ins_test",
      isReady: () => this.ready,
      workers: () => [],
      isDatabaseAway: () => this.databaseAway,
    });
  }

  async send(method: string, path: string, { body, headers = {} }: Send = {}): Promise<Answer> {
    const response = await this.app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text.startsWith("{") ? JSON.parse(text) : text,
      text,
    };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send("GET", path, headers === undefined ? {} : { headers });
  }

  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send("POST", path, headers === undefined ? { body } : { body, headers });
  }

  /** A new account's id. */
  async account(name = "Acme"): Promise<string> {
    return String((await this.post("/v1/accounts", { name })).body.id);
  }
}
