import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openScene } from "./scene.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-path-"));
after(() => rmSync(folder, { recursive: true }));

const CONTRACT = `
name: zones
extends: farebox
endpoints:
  - match: GET /v2/usage/{zone}
    answers: usage
    request: { period: day, timeZone: { path: zone }, by: time, resolution: hour }
    body: { zone: "\${timeZone}", lines: { $eachLine: { at: "\${timeZoned}" } } }
`;

test("a contract's endpoint has names with slashes in its path; nothing that is forwarded has", async (t) => {
  const contract = join(folder, "zones.yaml");
  writeFileSync(contract, CONTRACT);
  const scene = await openScene(`contract: ${contract}\nprices: [{ match: "GET /v2/{name}", cost: 5 }]\n`);
  t.after(() => scene.close());
  const customer = await scene.openCustomer();
  const berlin = await customer.call("GET", "/v2/usage/Europe%2FBerlin");
  assert.equal(berlin.status, 200, berlin.text);
  const { zone, lines } = berlin.json<{ zone: string; lines: { at: string }[] }>();
  assert.equal(zone, "Europe/Berlin");
  assert.match(lines[0]?.at ?? "", /T00:00:00\+0[12]:00$/);
  assert.equal((await customer.call("HEAD", "/V2/usage/America%2fArgentina%2FSalta/")).status, 200);
  assert.equal((await customer.call("GET", "/v2/usage/UTC")).status, 200);

  assert.equal((await customer.call("GET", "/v2/usage/Europe%2FAtlantis")).status, 422);
  for (const path of [
    "/v2/usage/Europe/Berlin%2F",
    "/v2/us%2Fage",
    "/v2/usage%2FUTC",
    "/v2/usage/Europe%5CBerlin",
    "/v2/usage/..%2Fx/y",
    "/v2/usage/%2F/x",
  ]) {
    const refused = await customer.call("GET", path);
    assert.equal(refused.status, 400, `${path}: ${refused.text}`);
  }
  assert.equal((await customer.call("POST", "/v2/usage/Europe%2FBerlin")).status, 400);
  assert.deepEqual(scene.forwarded, []);
});
