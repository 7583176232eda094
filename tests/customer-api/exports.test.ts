import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { eventually } from "../crash/eventually.ts";
import { balanceOf, create, filesOf, filesOnceDone, holdPages, openExportScene } from "./export-scene.ts";
import type { Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openExportScene();
});
after(() => scene.close());

test("an export is created, read, charged at its completion, listed, and downloaded again free", async () => {
  const customer = await scene.openCustomer(100);
  const created = await customer.call("POST", "/v2/exports/company", { query: { count: 10 } });
  const { id } = created.json<{ id: string }>();
  assert.deepEqual([created.status, created.headers.location], [201, `/v1/credits/exports/${id}`]);
  const files = await filesOf(customer, id);
  assert.deepEqual(
    files.map(({ name, records }) => [name, records]),
    [
      ["part-00000.jsonl.gz", 4],
      ["part-00001.jsonl.gz", 4],
      ["part-00002.jsonl.gz", 2],
    ],
  );
  let text = "";
  for (const file of files) {
    const answer = await customer.call("GET", file.path);
    assert.deepEqual([answer.status, answer.bytes.length], [200, file.bytes]);
    assert.equal(createHash("sha256").update(answer.bytes).digest("hex"), file.sha256);
    text += gunzipSync(answer.bytes).toString();
  }
  const records = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: number });
  assert.deepEqual(
    records.map((record) => record.id),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const shown = (await customer.get(`/exports/${id}`)).json();
  assert.partialDeepStrictEqual(shown, {
    id,
    state: "charged",
    endpoint: "POST /v2/exports/company",
    price: 0.5,
    charged: 5,
    estimate: 5,
    held: 0,
    progress: { records: 10, files: 3, leftOut: 0 },
    failure: null,
  });
  await customer.get(`/exports/${id}/files`);
  assert.deepEqual(await balanceOf(customer), { balance: 95, held: 0 });
  const { entries } = (await customer.get("/entries?kind=charge")).json<{ entries: object[] }>();
  assert.equal(entries.length, 1);
  assert.partialDeepStrictEqual(entries[0], {
    amount: -5,
    units: 10,
    requestId: id,
    key: customer.keyId,
    endpoint: "POST /v2/exports/company",
  });
});

test("what its most would cost is set aside: all or nothing, or as far as the credits go", async () => {
  const customer = await scene.openCustomer(3);
  const refused = await customer.call("POST", "/v2/exports/company", { query: { count: 10 } });
  assert.equal(refused.status, 402, refused.text);
  assert.partialDeepStrictEqual(refused.json(), { code: "insufficient_credits", required: 10, available: 3 });
  const id = await create(customer, { query: { count: 10 }, policy: "covered" });
  const files = await filesOf(customer, id);
  assert.equal(
    files.reduce((sum, { records }) => sum + records, 0),
    6,
  );
  assert.partialDeepStrictEqual((await customer.get(`/exports/${id}`)).json(), {
    policy: "covered",
    maxRecords: 6,
    charged: 3,
  });
  assert.deepEqual(await balanceOf(customer), { balance: 0, held: 0 });
});

test("charged at the first listing: short credits keep it, and a top-up and a retry work", async () => {
  const customer = await scene.openCustomer(1);
  const id = await create(customer, { query: { count: 6 } }, "plain");
  const short = await filesOnceDone(customer, id);
  assert.equal(short.status, 402);
  assert.partialDeepStrictEqual(short.json(), { code: "insufficient_credits", required: 3, available: 1 });
  assert.equal((await customer.get(`/exports/${id}`)).json()["state"], "ready");
  assert.equal((await customer.get(`/exports/${id}/files/part-00000.jsonl`)).status, 404);
  await scene.operate("POST", `/v1/accounts/${customer.id}/grants`, { amount: 2 });
  const both = await Promise.all([0, 1].map(() => customer.get(`/exports/${id}/files`)));
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  );
  assert.deepEqual(await balanceOf(customer), { balance: 0, held: 0 });
});

test("an export with a limit stops there; without one it fails when it finds too many, free", async () => {
  const customer = await scene.openCustomer(100);
  const limited = await filesOf(customer, await create(customer, { query: { count: 50 }, limit: 5 }));
  assert.equal(
    limited.reduce((sum, { records }) => sum + records, 0),
    5,
  );
  const id = await create(customer, { query: { count: 50 } });
  const failed = await filesOnceDone(customer, id);
  assert.deepEqual([failed.status, failed.json()["code"]], [422, "export_too_many_records"]);
  assert.deepEqual(await balanceOf(customer), { balance: 97.5, held: 0 });
});

test("a cancelled export costs nothing; one that is charged cannot be cancelled", async () => {
  const customer = await scene.openCustomer(100);
  const resume = holdPages();
  const id = await create(customer, { query: { count: 5 } });
  const waiting = await customer.get(`/exports/${id}/files`);
  assert.deepEqual([waiting.status, waiting.headers["retry-after"]], [202, "2"]);
  assert.deepEqual(await balanceOf(customer), { balance: 100, held: 10 });
  for (const _ of [1, 2]) {
    const cancelled = await customer.post(`/exports/${id}/cancel`);
    assert.deepEqual([cancelled.status, cancelled.json()["state"]], [200, "cancelled"], cancelled.text);
  }
  resume();
  assert.deepEqual(await balanceOf(customer), { balance: 100, held: 0 });
  const files = await customer.get(`/exports/${id}/files`);
  assert.deepEqual([files.status, files.json()["code"]], [409, "export_failed"]);
  const charged = await create(customer, { query: { count: 1 } });
  await filesOf(customer, charged);
  const late = await customer.post(`/exports/${charged}/cancel`);
  assert.deepEqual([late.status, late.json()["code"]], [409, "state_conflict"]);
});

test("exports are listed by pages and states, and an account has only so many unfinished", async () => {
  const customer = await scene.openCustomer(100);
  const done = await create(customer, { query: { count: 1 } });
  await filesOf(customer, done);
  const resume = holdPages();
  const open = [];
  for (const count of [1, 2, 3]) open.unshift(await create(customer, { query: { count }, limit: 1 }));
  const full = await customer.call("POST", "/v2/exports/company", { query: { count: 4 }, limit: 1 });
  assert.deepEqual([full.status, full.json()["code"]], [429, "export_limit_reached"]);
  const list = async (query: string): Promise<{ ids: string[]; next: string | null }> => {
    const { exports, next } = (await customer.get(`/exports${query}`)).json<{
      exports: { id: string }[];
      next: string | null;
    }>();
    return { ids: exports.map(({ id }) => id), next };
  };
  const first = await list("?limit=3");
  assert.deepEqual(first.ids, open);
  assert.deepEqual(await list(`?limit=3&cursor=${String(first.next)}`), { ids: [done], next: null });
  assert.deepEqual((await list("?state=charged")).ids, [done]);
  resume();
  for (const id of open) await filesOf(customer, id);
});

test("operators list, read, cancel and retry exports, and the audit trail has it", async () => {
  const customer = await scene.openCustomer(100);
  const id = await create(customer, { query: { count: 1, fails: true } });
  const failed = await filesOnceDone(customer, id);
  assert.deepEqual([failed.status, failed.json()["code"]], [409, "export_failed"]);
  assert.match(String(failed.json()["detail"]), /refused where its records come from/);
  const path = `/v1/exports/${id}`;
  const shown = await scene.operate<Record<string, unknown>>("GET", path);
  assert.partialDeepStrictEqual(shown, { id, state: "failed", account: customer.id, key: customer.keyId });
  const { exports } = await scene.operate<{ exports: { id: string }[] }>(
    "GET",
    `/v1/exports?account=${customer.id}`,
  );
  assert.deepEqual(
    exports.map((one) => one.id),
    [id],
  );
  const all = await scene.operate<{ exports: { id: string }[] }>("GET", "/v1/exports?state=failed");
  assert.ok(all.exports.some((one) => one.id === id));
  assert.equal((await scene.operate<{ state: string }>("POST", `${path}/retry`)).state, "queued");
  await eventually("it has failed again", async () => {
    const { state } = await scene.operate<{ state: string }>("GET", path);
    return state === "failed" ? true : undefined;
  });
  const resume = holdPages();
  const other = await create(customer, { query: { count: 1 } });
  assert.equal(
    (await scene.operate<{ state: string }>("POST", `/v1/exports/${other}/cancel`)).state,
    "cancelled",
  );
  resume();
  const trail = await scene.operate<{ lines: { action: string; target: string }[] }>(
    "GET",
    `/v1/audit-trail?account=${customer.id}`,
  );
  const actions = JSON.stringify(trail);
  assert.match(actions, /export\.retry/);
  assert.match(actions, /export\.cancel/);
  assert.deepEqual(await balanceOf(customer), { balance: 100, held: 0 });
});
