import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { send } from "../conformance/call.ts";
import { openScene, type Scene } from "./scene.ts";

const scenes: Scene[] = [];
after(async () => {
  for (const scene of scenes) await scene.close();
});

test("a key from elsewhere is used like any other, and new ones look as the configuration says", async () => {
  const scene = await openScene(`
prices: [{ match: GET /fixed, cost: 5 }]
keys:
  form: "fc-{hex 32}"
  imported:
    - { form: "{alnum 32}", salt: "pepper:" }
    - { form: "{hex 64}" }
customerApi: { selfService: { keys: true } }
`);
  scenes.push(scene);
  const customer = await scene.openCustomer(100);
  assert.match(customer.key, /^fc-[0-9a-f]{32}$/);
  const salted = randomBytes(24).toString("base64url").replace(/[-_]/g, "x");
  const plain = randomBytes(32).toString("hex");
  await scene.operate("POST", `/v1/accounts/${customer.id}/keys/import`, {
    keys: [{ sha256: hash("sha256", `pepper:${salted}`, "hex"), hint: "...old1" }, { key: plain }],
  });
  for (const key of [customer.key, salted, plain]) {
    const headers = { authorization: `Bearer ${key}` };
    const paid = await send(scene.gateway, "/fixed", { headers });
    assert.deepEqual([paid.status, paid.headers["credits-charged"]], [200, "5"], key.slice(0, 3));
    const made = await send(scene.gateway, "/v1/credits/keys", {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: { name: "further" },
    });
    assert.equal(made.status, 201, made.text);
  }
  for (const key of [salted.slice(1), `${salted}0`, "z".repeat(64), hash("sha256", plain, "hex")]) {
    const refused = await send(scene.gateway, "/fixed", { headers: { authorization: `Bearer ${key}` } });
    assert.equal(refused.status, 401, key.slice(0, 3));
  }
});
