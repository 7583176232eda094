import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { observe } from "../account.ts";
import { type Answer, send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, EVERYTHING } from "./api.ts";

/** Documented elsewhere by the vendor; the document beside this file is silent on it, or names it only. */

const REAL_TIME = `
creditTypes: [search, collect, realtime]
prices:
  - { match: "GET /cdapi/v1/professional_network/employee/collect/{id}", cost: 1, credit: realtime, on: 200 }`;

const rule = rulesOf("coresignal");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("coresignal", (config) =>
    config.replace(/creditTypes: .*\n\s*prices:/, REAL_TIME.trimStart()),
  );
});
after(() => provider.close());

rule("Real-time Employee API uses different credits.", "a pool of its own; a 408 is free", async () => {
  const account = await provider.openAccount({ search: 5, collect: 5, realtime: 2 });
  const path = "/cdapi/v1/professional_network/employee/collect/john-doe";
  const call = (): Promise<Answer> => send(provider.gateway, path, { headers: { apikey: account.key } });
  provider.recorder.answerNext({ status: 408, body: "{}" });
  assert.equal((await observe(account, "realtime", call)).cost, 0);
  provider.recorder.answerNext({ status: 200, body: "{}" });
  const { answer, cost } = await observe(account, "realtime", call);
  assert.deepEqual([answer.status, cost], [200, 1]);
  assert.equal(answer.headers["x-credits-remaining"], "1");
  assert.deepEqual([await account.balance("search"), await account.balance("collect")], [5, 5]);
});

test("ids come as a bare array, with the upstream's paging headers, unchanged to the byte", async () => {
  const account = await provider.openAccount({ search: 10 });
  const api = apiOf(provider.gateway, account);
  const first = await api.search("company_base", EVERYTHING, "?items_per_page=100");
  assert.deepEqual(first.bytes, provider.recorder.last().body);
  const next = first.headers["x-next-page-after"];
  assert.match(String(next), /^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",\d+$/);
  assert.ok(Number(first.headers["x-total-results"]) >= 10_000);
  const parameters = `?items_per_page=100&after=${encodeURIComponent(String(next))}`;
  const second = await api.search("company_base", EVERYTHING, parameters);
  assert.equal(provider.recorder.last().path, `/cdapi/v2/company_base/search/es_dsl${parameters}`);
  const ids = [...first.json<number[]>(), ...second.json<number[]>()];
  assert.equal(new Set(ids).size, 200);
});

test("a record is answered to the byte as the upstream gave it, without a usage object", async () => {
  const account = await provider.openAccount({ collect: 2 });
  const headers = { apikey: account.key, "credit-usage": "true" };
  const answer = await send(provider.gateway, "/cdapi/v2/company_base/collect/13335", { headers });
  assert.deepEqual(answer.bytes, provider.recorder.last().body);
});

test("18 searches a second, then a 429 without headers, free; collects have a limit of their own", async () => {
  const account = await provider.openAccount({ search: 100, collect: 100 });
  const api = apiOf(provider.gateway, account);
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 60 }, () => api.search("job_base")));
  const seconds = (performance.now() - began) / 1_000;
  const accepted = answers.filter((answer) => answer.status === 200).length;
  const refused = answers.filter((answer) => answer.status === 429);
  assert.equal(accepted + refused.length, 60);
  // No span of a second has more than 18, however many seconds a busy machine takes for them.
  const most = 18 * Math.ceil(seconds + 0.001);
  assert.ok(accepted >= 18 && accepted <= most, `${accepted} were accepted in ${seconds} s`);
  for (const answer of refused) {
    assert.deepEqual(Object.keys(answer.json()), ["detail"]);
    assert.equal(answer.headers["retry-after"], undefined);
    const rateHeaders = Object.keys(answer.headers).filter((name) => name.includes("ratelimit"));
    assert.deepEqual(rateHeaders, []);
  }
  assert.equal(await account.balance("search"), 100 - accepted);
  assert.equal((await api.collect("company_base", 13335)).status, 200);
});

test("the list of datasets is free", async () => {
  const account = await provider.openAccount({ search: 1 });
  const { answer, cost } = await observe(account, "search", () =>
    apiOf(provider.gateway, account).get("datasets"),
  );
  assert.deepEqual([answer.status, cost], [200, 0]);
  assert.ok(answer.json<string[]>().length === 9);
});

test("an endpoint that has no price is refused with a flat 404, and not forwarded", async () => {
  const account = await provider.openAccount({ search: 1 });
  const asked = provider.recorder.exchanges.length;
  const answer = await apiOf(provider.gateway, account).get("company_base/everything");
  assert.equal(answer.status, 404);
  assert.deepEqual(Object.keys(answer.json()), ["detail"]);
  assert.equal(provider.recorder.exchanges.length, asked);
});
