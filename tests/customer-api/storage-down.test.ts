import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { send } from "../conformance/call.ts";
import { type Customer, openScene, type Scene } from "./scene.ts";

let scene: Scene;
let customer: Customer;
before(async () => {
  scene = await openScene(`
prices: [{ match: GET /fixed, cost: 5 }]
customerApi: { requests: 10000, selfService: { keys: true } }
`);
  customer = await scene.openCustomer();
});
after(() => scene.close());

const CALLS: readonly (readonly [string, string, object?])[] = [
  ["GET", "/balances"],
  ["GET", "/usage"],
  ["GET", "/entries"],
  ["GET", "/entries?format=csv"],
  ["GET", "/prices"],
  ["GET", "/permissions"],
  ["POST", "/quote", { method: "GET", path: "/fixed" }],
  ["GET", "/keys"],
  ["POST", "/keys", {}],
  ["PATCH", "/keys/key_0000000000000000", { name: "x" }],
  ["POST", "/keys/key_0000000000000000/rotate", { graceSeconds: 0 }],
  ["POST", "/keys/key_0000000000000000/revoke"],
];

test("while the database does not answer everything is 503 with Retry-After, and works again when it does", async () => {
  assert.equal((await customer.get("/balances")).status, 200);
  scene.setStorage("down");
  const answers = await Promise.all(
    CALLS.map(([method, path, body]) => customer.call(method, `/v1/credits${path}`, body)),
  );
  for (const [index, answer] of answers.entries()) {
    const [method, path] = CALLS[index] ?? [];
    assert.equal(answer.status, 503, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.json()["code"], "storage_unavailable");
    assert.equal(answer.headers["retry-after"], "1");
  }
  assert.equal((await send(scene.gateway, "/v1/credits/openapi.json")).status, 200);
  scene.setStorage("up");
  const deadline = performance.now() + 20_000;
  while ((await customer.get("/balances")).status !== 200) assert.ok(performance.now() < deadline);
  const { keys } = (await customer.get("/keys")).json<{ keys: object[] }>();
  assert.equal(keys.length, 1, "nothing was done");
});
