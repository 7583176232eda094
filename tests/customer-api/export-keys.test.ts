import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { balanceOf, filesOf, holdPages, openExportScene } from "./export-scene.ts";
import type { Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openExportScene();
});
after(() => scene.close());

test("a creation that is repeated under its Idempotency-Key gets the first one's answer, and creates nothing", async () => {
  const customer = await scene.openCustomer(100);
  const body = { query: { count: 2 }, limit: 2 };
  const post = (key: string, asked: object = body) =>
    customer.call("POST", "/v2/exports/company", asked, { "idempotency-key": key });
  const resume = holdPages();
  const first = await post('"one"');
  assert.deepEqual([first.status, first.headers["idempotency-replayed"]], [201, undefined]);
  const { id } = first.json<{ id: string }>();
  const waiting = await post("one");
  resume();
  await filesOf(customer, id);
  const late = await post("one");
  for (const repeated of [waiting, late]) {
    assert.deepEqual([repeated.status, repeated.headers["idempotency-replayed"]], [201, "true"]);
    assert.deepEqual([repeated.text, repeated.headers.location], [first.text, first.headers.location]);
  }
  const other = await post("one", { ...body, limit: 1 });
  assert.deepEqual([other.status, other.json()["code"]], [422, "idempotency_mismatch"]);
  const broken = await post('"');
  assert.deepEqual([broken.status, broken.json()["code"]], [400, "request_invalid"]);
  assert.notEqual((await post("two")).json()["id"], id);
  const stranger = await scene.openCustomer(100);
  const theirs = await stranger.call("POST", "/v2/exports/company", body, { "idempotency-key": "one" });
  assert.deepEqual([theirs.status, theirs.headers["idempotency-replayed"]], [201, undefined]);
  for (const [who, answer] of [
    [customer, await post("two")],
    [stranger, theirs],
  ] as const) {
    await filesOf(who, String(answer.json()["id"]));
  }
  assert.deepEqual(await balanceOf(customer), { balance: 98, held: 0 });
});

test("a refused creation is not kept under its key: a top-up and a retry work", async () => {
  const customer = await scene.openCustomer(1);
  const post = () =>
    customer.call(
      "POST",
      "/v2/exports/company",
      { query: { count: 2 }, limit: 4 },
      { "idempotency-key": "k" },
    );
  assert.equal((await post()).status, 402);
  await scene.operate("POST", `/v1/accounts/${customer.id}/grants`, { amount: 1 });
  const created = await post();
  assert.deepEqual([created.status, created.headers["idempotency-replayed"]], [201, undefined]);
  await filesOf(customer, String(created.json()["id"]));
  assert.deepEqual(await balanceOf(customer), { balance: 1, held: 0 });
});
