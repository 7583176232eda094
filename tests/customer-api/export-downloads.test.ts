import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { createExportLinks } from "../../src/exports/export-links.ts";
import { readAccount } from "../../src/ledger/accounts/accounts.ts";
import { ensureLinkSecret } from "../../src/ledger/exports/link-secret.ts";
import { type Answer, send } from "../conformance/call.ts";
import { create, filesOf, openExportScene } from "./export-scene.ts";
import type { Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openExportScene();
});
after(() => scene.close());

test("a download is told by HEAD, sent in part, and only if it is still the same", async () => {
  const customer = await scene.openCustomer(100);
  const [file] = await filesOf(customer, await create(customer, { query: { count: 4 } }, "plain"));
  assert.ok(file);
  assert.equal(file.name, "part-00000.jsonl");
  const get = (headers: Record<string, string>, method = "GET"): Promise<Answer> =>
    customer.call(method, file.path, undefined, headers);
  const whole = await get({});
  const etag = `"${file.sha256}"`;
  assert.equal(whole.headers.etag, etag);
  assert.equal(whole.headers["accept-ranges"], "bytes");
  assert.equal(whole.headers["content-type"], "application/x-ndjson");
  assert.equal(whole.headers["content-disposition"], `attachment; filename="part-00000.jsonl"`);
  const digest = createHash("sha256").update(whole.bytes).digest("base64");
  assert.equal(whole.headers["repr-digest"], `sha-256=:${digest}:`);
  for (const headers of [{}, { range: "bytes=0-9" }, { range: `bytes=${file.bytes}-` }]) {
    const head = await get(headers, "HEAD");
    assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, String(file.bytes), ""]);
  }
  const cases: readonly (readonly [Record<string, string>, number, Buffer, string | undefined])[] = [
    [{ range: "bytes=0-9" }, 206, whole.bytes.subarray(0, 10), `bytes 0-9/${file.bytes}`],
    [{ range: "bytes=5-" }, 206, whole.bytes.subarray(5), `bytes 5-${file.bytes - 1}/${file.bytes}`],
    [
      { range: "bytes=-3" },
      206,
      whole.bytes.subarray(-3),
      `bytes ${file.bytes - 3}-${file.bytes - 1}/${file.bytes}`,
    ],
    [{ range: "bytes=0-9", "if-range": etag }, 206, whole.bytes.subarray(0, 10), `bytes 0-9/${file.bytes}`],
    [{ range: "bytes=0-9", "if-range": '"another"' }, 200, whole.bytes, undefined],
    [{ range: "bytes=0-9", "if-range": `W/${etag}` }, 200, whole.bytes, undefined],
    [{ range: "bytes=0-1,4-5" }, 200, whole.bytes, undefined],
    [{ "if-none-match": `"x", ${etag}` }, 304, Buffer.alloc(0), undefined],
    [{ "if-none-match": '"x"' }, 200, whole.bytes, undefined],
  ];
  for (const [headers, status, bytes, range] of cases) {
    const answer = await get(headers);
    const found = [answer.status, answer.headers["content-range"], answer.text];
    assert.deepEqual(found, [status, range, bytes.toString()], JSON.stringify(headers));
  }
  const none = await get({ range: `bytes=${file.bytes}-` });
  assert.deepEqual([none.status, none.headers["content-range"]], [416, `bytes */${file.bytes}`]);
});

test("a link needs no key; one that has expired, or was changed, is refused", async () => {
  const customer = await scene.openCustomer(100);
  const id = await create(customer, { query: { count: 5 } });
  const files = await filesOf(customer, id);
  const [file, other] = files;
  assert.ok(file !== undefined && other !== undefined);
  const follow = (link: string, headers = {}): Promise<Answer> => send(scene.gateway, link, { headers });
  const whole = await follow(file.link);
  assert.deepEqual([whole.status, whole.bytes.length], [200, file.bytes]);
  assert.equal((await follow(file.link, { range: "bytes=0-1" })).status, 206);
  const [path = "", query = ""] = file.link.split("?");
  const last = query.at(-1) === "A" ? "B" : "A";
  const [, otherQuery = ""] = other.link.split("?");
  for (const changed of [
    `${path}?${query.slice(0, -1)}${last}`,
    `${path}?${query}A`,
    `${path}?${query.replace("link=acc_", "link=acc_x")}`,
    `${path}?${otherQuery}`,
    `${other.path}?${query}`,
    `${path}?${query}&${query}`,
    `${path}?link=`,
  ]) {
    const refused = await follow(changed);
    assert.deepEqual([refused.status, refused.json()["code"]], [403, "action_not_permitted"], changed);
  }
  assert.equal((await follow(path)).status, 401);
  const account = await readAccount(scene.database, customer.id);
  const links = createExportLinks(await ensureLinkSecret(scene.database), 60, () => Date.now() - 61_000);
  const expired = await follow(links.sign(file.path, account).link);
  assert.deepEqual([expired.status, expired.json()["detail"]], [403, "This link has expired."]);
});

test("CSV has the configured columns", async () => {
  const customer = await scene.openCustomer(100);
  const [file] = await filesOf(customer, await create(customer, { query: { count: 2 }, format: "csv" }));
  assert.ok(file);
  assert.equal(file.name, "part-00000.csv.gz");
  const text = gunzipSync((await customer.call("GET", file.path)).bytes).toString();
  assert.deepEqual(text.trimEnd().split(/\r?\n/), ["id,name", '0,"Name ""0"", ä"', '1,"Name ""1"", ä"']);
});

test("what cannot be read of a request is refused with its field, and nothing is made", async () => {
  const customer = await scene.openCustomer(100);
  const query = { count: 1 };
  const wrong: readonly (readonly [unknown, number, string | undefined, Record<string, string>?])[] = [
    ["{", 400, undefined],
    ["null", 400, undefined],
    [{}, 422, "query"],
    [{ query: 1 }, 422, "query"],
    [{ query, limit: 21 }, 422, "limit"],
    [{ query, limit: "x" }, 422, "limit"],
    [{ query, format: "xml" }, 422, "format"],
    [{ query, policy: "some" }, 422, "policy"],
    [{ query }, 402, undefined, { "credits-max": "9.999999" }],
    [{ query }, 400, undefined, { "credits-max": "x" }],
  ];
  for (const [body, status, field, headers] of wrong) {
    const answer = await customer.call("POST", "/v2/exports/company", body, headers ?? {});
    const { errors = [] } = answer.json<{ errors?: { path: string }[] }>();
    const found = [answer.status, errors[0]?.path];
    assert.deepEqual(found, [status, field], `${JSON.stringify(body)}: ${answer.text}`);
  }
  assert.deepEqual((await customer.get("/exports")).json()["exports"], []);
  assert.equal((await customer.get("/exports?state=done")).status, 422);
  assert.equal((await customer.get("/exports/x")).status, 404);
  assert.equal((await customer.call("POST", "/v2/exports/nothing", { query })).status, 200, "forwarded");
});
