import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Customer, openScene, type Scene } from "./scene.ts";

let scene: Scene;
let victim: Customer;
let stranger: Customer;
before(async () => {
  scene = await openScene(`
prices: [{ match: GET /fixed, cost: 5 }]
customerApi: { requests: 10000, selfService: { keys: true } }
exports:
  routes: [{ match: POST /exports, cost: 1, charge: listing, source: { kind: lines, request: GET /lines } }]
`);
  victim = await scene.openCustomer(987_654_321);
  stranger = await scene.openCustomer(77);
  for (let call = 0; call < 3; call += 1) {
    const answer = await victim.call("GET", "/fixed");
    assert.equal(answer.status, 200);
    victimsCall = String(answer.headers["x-request-id"]);
  }
  assert.equal((await victim.get(`/calls/${victimsCall}`)).status, 200);
  victimsExport = String((await victim.call("POST", "/exports", {})).json()["id"]);
  // The lease of these calls goes back when it has been idle: what is compared below must not change by itself.
  const deadline = performance.now() + 10_000;
  while ((await readHeld(victim)) !== 0) assert.ok(performance.now() < deadline, "the lease did not go back");
});

async function readHeld(customer: Customer): Promise<number | undefined> {
  return (await customer.get("/balances")).json<{ pools: { held: number }[] }>().pools[0]?.held;
}
after(() => scene.close());

const UNKNOWN = "key_0000000000000000";

/** The victim's, or one that never was. */
const exportOf = (key: string): string =>
  key === UNKNOWN ? "00000000-0000-4000-8000-000000000000" : victimsExport;
let victimsExport = "";

const callOf = (key: string): string =>
  key === UNKNOWN ? "0198f2a0-5a7e-7c1d-9b3f-0a1b2c3d4e5f" : victimsCall;
let victimsCall = "";

/** Every operation with another account's ids wherever an id can stand. */
const TRIES: readonly (readonly [string, (key: string, account: string) => string, object?])[] = [
  ["GET /balances", () => "/balances"],
  ["GET /overview", () => "/overview"],
  ["GET /usage", (key) => `/usage?groupBy=key&key=${key}`],
  ["GET /entries", (key) => `/entries?key=${key}`],
  ["GET /calls/{call}", (key) => `/calls/${callOf(key)}`],
  ["GET /prices", () => "/prices"],
  ["POST /quote", () => "/quote", { method: "GET", path: "/fixed" }],
  ["GET /permissions", () => "/permissions"],
  ["GET /keys", (key) => `/keys?q=${key}`],
  ["POST /keys", () => "/keys", {}],
  ["PATCH /keys/{key}", (key) => `/keys/${key}`, { name: "taken", scopes: null, caps: [] }],
  ["POST /keys/{key}/rotate", (key) => `/keys/${key}/rotate`, { graceSeconds: 0 }],
  ["POST /keys/{key}/revoke", (key) => `/keys/${key}/revoke`],
  ["GET /exports", () => "/exports"],
  ["GET /exports/{export}", (key) => `/exports/${exportOf(key)}`],
  ["GET /exports/{export}/files", (key) => `/exports/${exportOf(key)}/files`],
  ["GET /exports/{export}/files/{name}", (key) => `/exports/${exportOf(key)}/files/part-00000.jsonl.gz`],
  ["POST /exports/{export}/cancel", (key) => `/exports/${exportOf(key)}/cancel`],
];

test("every operation is tried", async () => {
  const { paths } = (await stranger.get("/openapi.json")).json<{ paths: Record<string, object> }>();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice("/v1/credits".length)}`),
  );
  assert.deepEqual(TRIES.map(([operation]) => operation).toSorted(), operations.toSorted());
});

/** Everything of an account that any operation could show or change, as its own key sees it. */
async function look(customer: Customer): Promise<string> {
  const parts = [];
  for (const path of [
    "/balances",
    "/entries",
    "/keys",
    "/exports?state=charged",
    "/usage?groupBy=endpoint,key&to=2100-01-01&from=2099-01-01",
  ]) {
    parts.push((await customer.get(path)).text.replaceAll(/"lastUsedAt":[^,]*/g, ""));
  }
  return parts.join("\n");
}

for (const [operation, path, body] of TRIES) {
  test(`${operation} shows and changes nothing of another account`, async () => {
    const unchanged = await look(victim);
    const [method = ""] = operation.split(" ");
    const call = (key: string, account: string) =>
      stranger.call(method, `/v1/credits${path(key, account)}`, body, { "x-account-id": account });
    const answer = await call(victim.keyId, victim.id);
    // The hint, and what is left of the credits.
    const secrets = [victim.id, victim.key, `...${victim.key.slice(-4)}`, "9876543"];
    const shown = answer.text.replaceAll(victim.keyId, "");
    for (const secret of secrets) assert.ok(!shown.includes(secret), `${secret} in ${answer.text}`);
    // Where the id stands in the path, the answer is that to an id that never was, but for the id itself.
    const unknown = await call(UNKNOWN, "acc_0000000000000000");
    assert.equal(answer.status, unknown.status);
    if (operation.includes("{")) {
      assert.equal(answer.status, 404);
      const strip = (text: string, key: string): string =>
        text
          .replaceAll(key, "")
          .replaceAll(exportOf(key), "")
          .replaceAll(callOf(key), "")
          .replaceAll(/"requestId":"[^"]*"/g, "");
      assert.equal(strip(answer.text, victim.keyId), strip(unknown.text, UNKNOWN));
    }
    assert.equal(await look(victim), unchanged);
    assert.equal((await victim.call("GET", "/v1/credits/permissions")).status, 200);
  });
}

test("another account's usage and lines are not found by its key's id", async () => {
  const usage = (await stranger.get(`/usage?key=${victim.keyId}`)).json<{ rows: object[] }>();
  assert.deepEqual(usage.rows, []);
  const entries = (await stranger.get(`/entries?key=${victim.keyId}`)).json<{ entries: object[] }>();
  assert.deepEqual(entries.entries, []);
  const csv = await stranger.get(`/entries?format=csv&key=${victim.keyId}`);
  assert.equal(csv.text.trimEnd().split("\r\n").length, 1);
  const cursor = (await victim.get("/entries?limit=2")).json<{ next: string }>().next;
  const { account } = (await stranger.get(`/entries?cursor=${cursor}`)).json<{ account: string }>();
  assert.equal(account, stranger.id);
});

test("a suspended account's keys are answered nothing", async () => {
  const customer = await scene.openCustomer();
  assert.equal((await customer.get("/balances")).status, 200);
  await scene.operate("POST", `/v1/accounts/${customer.id}/suspend`);
  const deadline = performance.now() + 5_000;
  while ((await customer.get("/balances")).status !== 401) assert.ok(performance.now() < deadline);
  for (const path of ["/permissions", "/keys", "/usage"])
    assert.equal((await customer.get(path)).status, 401);
});
