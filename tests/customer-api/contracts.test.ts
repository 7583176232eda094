import assert from "node:assert/strict";
import { after, test } from "node:test";
import { listContracts } from "../../src/contract/load-contract.ts";
import type { Answer } from "../conformance/call.ts";
import { openScene, type Scene } from "./scene.ts";

const scenes: Scene[] = [];
after(async () => {
  for (const scene of scenes) await scene.close();
});

/** What a customer of each contract reads as the error's text. */
const TEXT: Readonly<Record<string, (body: Record<string, unknown>) => unknown>> = {
  farebox: (body) => body["detail"],
  coresignal: (body) => body["detail"],
  crustdata: (body) => (body["error"] as Record<string, unknown>)["message"],
  explorium: (body) => body["details"],
  leadboxer: (body) => body["message"],
  enrichlayer: (body) => body["description"],
  exa: (body) => body["error"],
  firecrawl: (body) => body["error"],
  hunter: (body) => (body["errors"] as Record<string, unknown>[])[0]?.["details"],
  peopledatalabs: (body) => (body["error"] as Record<string, unknown>)["message"],
  serpapi: (body) => body["error"],
};

for (const contract of listContracts()) {
  test(`${contract} answers the customer API's refusals in its own shape`, async () => {
    const scene = await openScene(
      `
contract: ${contract}
creditTypes: [credits, searches, verifications]
prices: [{ match: GET /fixed, cost: 5, credit: credits }]
customerApi: { path: /me, requests: 10, selfService: { keys: true, maxKeys: 1 } }
`,
      "/me",
    );
    scenes.push(scene);
    const customer = await scene.openCustomer();
    const limited = await scene.openCustomer(10, ["* /me/*"]);
    const cases: readonly (readonly [number, RegExp, () => Promise<Answer>])[] = [
      [422, /resolution /, () => customer.get("/usage?resolution=week")],
      [422, /method must be one of/, () => customer.post("/quote", { method: "get", path: "/x" })],
      [400, /not JSON/, () => customer.post("/quote", "{")],
      [415, /application\/json/, () => customer.post("/quote", "{}", { "content-type": "text/plain" })],
      [404, /no key "key_0000000000000000"/, () => customer.post("/keys/key_0000000000000000/revoke")],
      [404, /no such endpoint/i, () => customer.get("/unknown")],
      [405, /GET/, () => customer.post("/balances")],
      [409, /1 keys, as many as it may have/, () => customer.post("/keys", {})],
      [403, /may rotate and revoke itself/, () => limited.post("/keys", {})],
    ];
    for (const [status, text, ask] of cases) {
      const answer = await ask();
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.headers["content-type"] ?? "", /json/);
      assert.match(String(TEXT[contract]?.(answer.json())), text);
    }
    const sound = await customer.get("/balances");
    assert.equal(sound.status, 200);
    await customer.get("/balances");
    const fast = await customer.get("/balances");
    assert.equal(fast.status, contract === "hunter" ? 403 : 429, fast.text);
    assert.ok(JSON.parse(fast.text) !== null);
    assert.deepEqual(scene.forwarded, []);
  });
}
