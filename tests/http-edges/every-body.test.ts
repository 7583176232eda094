import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { text as readText } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { parse } from "yaml";
import { type OperatorServer, serveOperator } from "../../src/api/operator/serve-operator.ts";
import { MUTATION_CASES, Scene as OperatorScene } from "../../src/api/operator/testing/mutation-cases.ts";
import { TOKEN } from "../../src/api/operator/testing/operator-under-test.ts";
import { fillPath, readOperations } from "../../src/api/operator/testing/read-operations.ts";
import type { RawResponse } from "../../src/gateway/testing/test-client.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { type Customer, openScene, type Scene } from "../customer-api/scene.ts";
import { BODY_SHAPES, type Plain, STOPPED_SHAPES, sendShaped } from "./body-shapes.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** Requests under way at once: more is more memory, and not faster. */
const AT_ONCE = 40;
/** Of one request that is told to come again. */
const MOST_TRIES = 10;

interface Operation {
  readonly title: string;
  /** A request that need not be right. */
  readonly plain: Plain;
  /** Makes a right one, whose effect may be had once only. It succeeds in every shape in which all of it arrives. */
  readonly prepare?: (() => Promise<Plain>) | undefined;
}

/** Forty requests at once on a busy machine may keep the database longer than a request may wait: it is told to come again, and does. */
async function sendUntilServed(
  port: number,
  request: () => Promise<Plain>,
  shape: (typeof BODY_SHAPES)[number],
): Promise<RawResponse | undefined> {
  for (let left = MOST_TRIES; ; left--) {
    const answer = await sendShaped(port, await request(), shape);
    const seconds = answer?.status === 503 ? answer.header("retry-after") : undefined;
    if (seconds === undefined || left === 1) return answer;
    await wait(Number(seconds) * 1000);
  }
}

/** Every operation in every shape: an answer, and never that something broke here. */
async function tryEach(
  port: number,
  operations: readonly Operation[],
  shapes: typeof BODY_SHAPES,
  mayClose: boolean,
): Promise<void> {
  const tries = operations.flatMap((operation) => shapes.map((shape) => ({ operation, shape })));
  for (let at = 0; at < tries.length; at += AT_ONCE) {
    await Promise.all(
      tries.slice(at, at + AT_ONCE).map(async ({ operation: { title, plain, prepare }, shape }) => {
        const isRight = prepare !== undefined && shape.whole;
        const answer = await sendUntilServed(port, async () => (isRight ? await prepare() : plain), shape);
        const what = `${title}, a body ${shape.name}: ${answer?.status} ${answer?.body.toString()}`;
        if (!mayClose) assert.ok(answer, what);
        if (answer !== undefined) {
          assert.ok(answer.status < 500, what);
          assert.ok(answer.complete, what);
        }
        if (isRight) assert.ok((answer?.status ?? 0) < 300, what);
      }),
    );
  }
}

describe("every operation of the operator API answers a body however it arrives", () => {
  let scene: OperatorScene;
  let operations: readonly Operation[];
  let close: () => Promise<void>;
  const servers: OperatorServer[] = [];

  before(async () => {
    const fresh = await createTestDatabase("postgres");
    const database = await openDatabase(fresh.target);
    close = async () => {
      await Promise.all(servers.map((server) => server.close()));
      await database.close();
      await fresh.drop();
    };
    scene = await OperatorScene.open(database);
    const described = await readOperations(scene.operator);
    // A stream of events ends after a quarter of an hour: tests/customer-api/traffic.test.ts reads it.
    const ending = described.operations.filter(({ id }) => id !== "watchTraffic");
    operations = ending.map(({ id, method, path, title }) => {
      const tried = MUTATION_CASES[id];
      const request = (params: Readonly<Record<string, string>>, body: object): Plain => ({
        method,
        path: fillPath(path, params),
        headers: [`Authorization: Bearer ${TOKEN}`],
        body: JSON.stringify(body),
      });
      return {
        title,
        plain: request({}, {}),
        prepare:
          tried &&
          (async () => {
            const { params = {}, body = {} } = await tried.prepare(scene);
            return request(params, body);
          }),
      };
    });
  });
  after(() => close());

  async function listen(patience?: Parameters<typeof serveOperator>[2]): Promise<number> {
    const server = await serveOperator(scene.operator.app, LOOPBACK, patience);
    servers.push(server);
    return Number(new URL(server.url).port);
  }

  test("all of it arrives", async () => {
    assert.ok(operations.length > 40);
    await tryEach(await listen(), operations, BODY_SHAPES, false);
    assert.deepEqual(
      scene.operator.log.filter((line) => line.includes("operator request failed")),
      [],
    );
  });

  test("it stops: the request is given up, and nothing is logged as a fault", async () => {
    const port = await listen({
      headersTimeout: 300,
      requestTimeout: 300,
      connectionsCheckingInterval: 50,
    });
    await tryEach(port, operations, STOPPED_SHAPES, true);
    assert.deepEqual(
      scene.operator.log.filter((line) => line.includes("operator request failed")),
      [],
    );
  });

  test("a connection on which nothing came is closed in silence: browsers open some in advance", async () => {
    const patience = { headersTimeout: 300, requestTimeout: 300, connectionsCheckingInterval: 50 };
    const socket = connect(await listen(patience), "127.0.0.1");
    assert.equal(await readText(socket), "");
  });
});

const EXPORTS = `
exports:
  routes:
    - match: POST /v2/jobs
      cost: 1
      credit: credits
      source: { kind: lines, request: POST /lines, body: /query, retries: 0 }
`;

for (const contract of readContracts()) {
  void describe(`every endpoint that the gateway answers answers a body however it arrives: ${contract.name}`, () => {
    let scene: Scene;
    let customer: Customer;
    let operations: readonly Operation[];

    before(async () => {
      scene = await openScene(
        `contract: ${contract.name}\ncreditTypes: [credits, searches, verifications]\nprices: [{ match: POST /priced, cost: 1, credit: credits }]\ncustomerApi: { path: /me, requests: 100000 }
gateway: { headersTimeout: 1s, requestTimeout: 1s }\n${EXPORTS}`,
        "/me",
      );
      customer = await scene.openCustomer();
      operations = (await listEndpoints(contract, customer)).map(([method, path]) => ({
        title: `${method} ${path}`,
        plain: {
          method,
          path,
          headers: [
            `Authorization: Bearer ${customer.key}`,
            ...["X-Api-Key", "Apikey", "Api_Key"].map((name) => `${name}: ${customer.key}`),
          ],
          body: '{"query":{"count":1}}',
        },
      }));
    });
    after(() => scene.close());

    test("all of it arrives", async () => {
      await tryEach(Number(new URL(scene.gateway).port), operations, BODY_SHAPES, false);
    });

    test("it stops: the request is given up", async () => {
      await tryEach(Number(new URL(scene.gateway).port), operations, STOPPED_SHAPES, true);
    });
  });
}

/** Method and path of all that a contract answers, and of a priced route. The customer API is the same behind each: once is enough. */
async function listEndpoints(
  { name, declared: { endpoints = [], exports } }: ContractFile,
  customer: Customer,
): Promise<(readonly [method: string, path: string])[]> {
  const document = (await customer.get("/openapi.json")).json<{ paths: Record<string, object> }>();
  const ofApi = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.ok(ofApi.length > 10);
  const ofContract = [...endpoints, exports?.files, exports?.file].flatMap((one) => one?.match ?? []);
  return [...(name === "farebox" ? ofApi : []), ...ofContract, "POST /v2/jobs", "POST /priced"].map(
    (match) => {
      const [method = "", path = ""] = match.split(" ");
      return [method, path.replaceAll(/\{\w+\}|\*/g, "019a0000-0000-7000-8000-000000000000")];
    },
  );
}

/** The contracts that answer something by themselves. */
function readContracts(): readonly ContractFile[] {
  const folder = new URL("../../contracts/", import.meta.url);
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => ({
      name: file.replace(/\.yaml$/, ""),
      declared: parse(readFileSync(new URL(file, folder), "utf8")) as Declared,
    }));
  return files.filter(({ declared }) => declared.endpoints !== undefined || declared.exports !== undefined);
}

interface ContractFile {
  readonly name: string;
  readonly declared: Declared;
}

interface Declared {
  readonly endpoints?: readonly { readonly match: string }[];
  readonly exports?: {
    readonly files?: { readonly match: string };
    readonly file?: { readonly match: string };
  };
}
