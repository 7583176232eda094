import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readEvents } from "../../src/cli/commands/traffic.ts";
import { send } from "../conformance/call.ts";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openScene(`
prices:
  - { match: GET /fixed, cost: 5 }
  - { match: GET /dear, cost: 5000 }
`);
});
after(() => scene.close());

test("whoever watches sees requests as they end: what was charged, and what was refused and why; no key", async () => {
  const customer = await scene.openCustomer(1000);
  const answer = await scene.watch(`/v1/traffic`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  const events = readEvents(answer.body ?? assert.fail());
  const begin = await events.next();
  assert.match(String(begin.value?.data), /"instance":"ins_/);
  const paid = await customer.call("GET", "/fixed");
  const refused = await customer.call("GET", "/dear");
  const unknown = await send(scene.gateway, "/fixed", { headers: { authorization: "Bearer fbx_wrong" } });
  assert.deepEqual([paid.status, refused.status, unknown.status], [200, 402, 401]);
  const seen = [];
  let all = "";
  for (let count = 0; count < 3; count += 1) {
    const { value } = await events.next();
    all += value?.data ?? "";
    const { requestId, account, endpoint, status, charged, creditType, units, refusal } = JSON.parse(
      value?.data ?? "",
    );
    seen.push({ requestId, account, endpoint, status, charged, creditType, units, refusal });
  }
  const nothing = { charged: 0, creditType: null, units: null };
  const idOf = (of: typeof paid): unknown => of.headers["x-request-id"];
  assert.deepEqual(seen, [
    {
      requestId: idOf(paid),
      account: customer.id,
      endpoint: "GET /fixed",
      status: 200,
      charged: 5,
      creditType: "credits",
      units: 1,
      refusal: null,
    },
    {
      ...nothing,
      requestId: idOf(refused),
      account: customer.id,
      endpoint: "GET /dear",
      status: 402,
      refusal: "insufficient_credits",
    },
    {
      ...nothing,
      requestId: idOf(unknown),
      account: null,
      endpoint: null,
      status: 401,
      refusal: "key_invalid",
    },
  ]);
  assert.ok(!all.includes(customer.key) && !all.includes("fbx_wrong"));
  await events.return(undefined);
});

test("a stream does not keep Farebox from ending", async () => {
  const answer = await scene.watch("/v1/traffic?account=acc_0000000000000000");
  // It is not read, and not cancelled: closing the scene must end it.
  assert.equal(answer.status, 200);
});
