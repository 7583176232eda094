import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { observe } from "../account.ts";
import { type Answer, send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { apiOf, EVERYTHING } from "./api.ts";

/** Of bulk collect, documented elsewhere by the vendor, or chosen where it is silent. */

let provider: TestProvider;
before(async () => {
  provider = await startProvider("coresignal");
});
after(() => provider.close());

const detailOf = (answer: Answer): unknown => answer.json<{ detail: unknown }>().detail;

test("more than 10,000 ids are a 400 when they are sent", async () => {
  const account = await provider.openAccount({ collect: 1 });
  const api = apiOf(provider.gateway, account);
  const ids = Array.from({ length: 10_001 }, (_, index) => index);
  const answer = await api.bulk("company_base", "ids", { ids });
  assert.equal(answer.status, 400);
  assert.equal(detailOf(answer), "File contains too many IDs. Maximum is 10,000 IDs");
});

test("a query that matches more than 10,000 records is created, and a 422 at its files, free", async () => {
  const account = await provider.openAccount({ collect: 100_000 });
  const api = apiOf(provider.gateway, account);
  const created = await api.bulk("company_base", "es_dsl", { es_dsl_query: EVERYTHING });
  assert.equal(created.status, 201);
  const id = String(created.json()["request_id"]);
  const { answer, cost } = await observe(account, "collect", () => api.filesOnceDone(id));
  assert.deepEqual([answer.status, cost], [422, 0]);
  assert.equal(detailOf(answer), "Request matched too many IDs. Maximum is 10,000 IDs");
});

test("what cannot be read of a request is refused with a flat detail, and nothing is made", async () => {
  const account = await provider.openAccount({ collect: 10 });
  const api = apiOf(provider.gateway, account);
  const wrong: readonly (readonly ["filter" | "es_dsl" | "ids", unknown, number])[] = [
    ["filter", "{", 400],
    ["filter", "[]", 400],
    ["filter", `{"filters":${"[".repeat(100)}${"]".repeat(100)}}`, 400],
    ["filter", `{"filters":{"a":${"[".repeat(100)}${"]".repeat(100)}}}`, 400],
    ["filter", {}, 422],
    ["filter", { filters: "banking" }, 422],
    ["filter", { filters: {}, limit: 0 }, 422],
    ["filter", { filters: {}, limit: 10_001 }, 422],
    ["filter", { filters: {}, limit: 1.5 }, 422],
    ["filter", { filters: {}, data_format: "parquet" }, 422],
    ["es_dsl", { filters: {} }, 422],
    ["ids", { ids: [] }, 422],
    ["ids", { ids: ["../../etc/passwd", ".."] }, 422],
    ["ids", { ids: [{}] }, 422],
    ["ids", { ids: [-1] }, 422],
  ];
  for (const [kind, body, status] of wrong) {
    const answer = await api.bulk("company_base", kind, body);
    assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 80)}: ${answer.text}`);
    assert.deepEqual(Object.keys(answer.json()), ["detail"]);
  }
  const list = await send(provider.gateway, "/v1/credits/exports", { headers: { apikey: account.key } });
  assert.deepEqual(list.json()["exports"], []);
});

test("a query that the search refuses fails its data request, free", async () => {
  const account = await provider.openAccount({ collect: 10 });
  const api = apiOf(provider.gateway, account);
  const created = await api.bulk("company_base", "filter", { filters: { planet: "Mars" } });
  const answer = await api.filesOnceDone(String(created.json()["request_id"]));
  assert.equal(answer.status, 422);
  assert.match(String(detailOf(answer)), /^Data request failed: /);
  assert.equal(await account.balance("collect"), 10);
});

test("files of another account, unknown ones and names that climb out are unknown", async () => {
  const [mine, other] = [
    await provider.openAccount({ collect: 10 }),
    await provider.openAccount({ collect: 10 }),
  ];
  const api = apiOf(provider.gateway, mine);
  const foreign = apiOf(provider.gateway, other);
  const created = await api.bulk("company_base", "ids", { ids: [13335] });
  const id = String(created.json()["request_id"]);
  const [name = ""] = (await api.filesOnceDone(id)).json<{ data_request_files: string[] }>()
    .data_request_files;
  assert.equal((await api.download(id, name)).status, 200);
  for (const [asking, of, file] of [
    [foreign, id, name],
    [api, id, "json/part-00001.json.gz"],
    [api, id, "json"],
    [api, id, `${name}/`],
    [api, "00000000-0000-4000-8000-000000000000", name],
    [api, "x", name],
  ] as const) {
    const answer = await asking.download(of, file);
    assert.equal(answer.status, 404, `${of}/${file}: ${answer.text}`);
  }
  for (const path of ["../../secrets", "json/../../x", "..%2f..%2fx", "%2e%2e/x", "json%2fpart"]) {
    const answer = await api.download(id, path);
    assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`);
  }
  assert.equal((await foreign.files(id)).status, 404);
  assert.equal((await api.files("x")).status, 404);
});

test("every answer about bulk collect tells the collect credits, in any letter case of its path", async () => {
  const account = await provider.openAccount({ collect: 9, search: 5 });
  const api = apiOf(provider.gateway, account);
  const left = ({ status, headers }: Answer): unknown[] => [status, headers["x-credits-remaining"]];
  const unknown = "00000000-0000-4000-8000-000000000000";
  assert.deepEqual(left(await api.files(unknown)), [404, "9"]);
  assert.deepEqual(left(await api.download(unknown, "json/part.json.gz")), [404, "9"]);
  assert.deepEqual(left(await api.bulk("company_base", "ids", "{")), [400, "9"]);
  const created = await api.bulk("company_base", "ids", { ids: [await api.anyId("company_base")] });
  assert.deepEqual(left(created), [201, "9"]);
  const id = String(created.json()["request_id"]);
  assert.deepEqual(left(await api.filesOnceDone(id)), [200, "8"]);
  const loose = await send(provider.gateway, `/CDAPI/V2/data_requests/${id}/Files/`, {
    headers: { apikey: account.key },
  });
  assert.deepEqual(left(loose), [200, "8"]);
  const [name] = loose.json<{ data_request_files: string[] }>().data_request_files;
  assert.deepEqual(left(await api.download(id, name ?? "")), [200, "8"]);
});
