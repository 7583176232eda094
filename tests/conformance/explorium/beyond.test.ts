import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { apiOf, OPTED_IN } from "./api.ts";

/** Documented elsewhere by the vendor; the document beside this file is silent on it. */

let provider: TestProvider;
before(async () => {
  provider = await startProvider("explorium");
});
after(() => provider.close());

test("out of credits is a 403 with details and a correlation id; nothing is forwarded", async () => {
  const account = await provider.openAccount({ credits: 9 });
  const api = apiOf(provider.gateway, account);
  const asked = provider.recorder.exchanges.length;
  const answer = await api.post("/businesses", { page_size: 10 }, OPTED_IN);
  assert.equal(answer.status, 403);
  const body = answer.json();
  assert.deepEqual(Object.keys(body), ["details", "correlation_id"]);
  assert.equal(
    body["details"],
    "You have insufficient credits to perform this operation. Please purchase additional credits.",
  );
  assert.match(String(body["correlation_id"]), /^[0-9a-f]{32}$/);
  assert.equal(provider.recorder.exchanges.length, asked);
  assert.equal((await api.post("/businesses", { page_size: 9 })).status, 200);
  assert.equal(await account.balance("credits"), 0);
});

test("GET /v1/credits shows allocated and remaining credits", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  const api = apiOf(provider.gateway, account);
  await api.post("/businesses", { page_size: 36 });
  const body = (await api.get("/credits")).json();
  assert.deepEqual(Object.keys(body), ["response_context", "allocated_credits", "remaining_credits"]);
  assert.deepEqual([body["allocated_credits"], body["remaining_credits"]], [1000, 964]);
  const context = body["response_context"] as Record<string, unknown>;
  assert.deepEqual(Object.keys(context), ["correlation_id", "request_status", "time_took_in_seconds"]);
  assert.equal(context["request_status"], "success");
});

test("a missing or invalid key is a 401 in the same shape", async () => {
  for (const headers of [{}, { api_key: "nonsense" }, { "x-api-key": "nonsense" }]) {
    const answer = await send(provider.gateway, "/v1/credits", { headers });
    assert.equal(answer.status, 401);
    assert.deepEqual(Object.keys(answer.json()), ["details", "correlation_id"]);
  }
});

test("200 requests a minute, then a 429 with the limit's state in unix time, free", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  const api = apiOf(provider.gateway, account);
  const path = "/businesses/autocomplete?field=company_size&query=1";
  for (let batch = 0; batch < 10; batch += 1) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.get(path)));
    assert.ok(answers.every((answer) => answer.status === 200));
  }
  const { answer, cost } = await observe(account, "credits", () => api.post("/businesses", { page_size: 1 }));
  assert.deepEqual([answer.status, cost], [429, 0]);
  assert.equal(answer.headers["x-ratelimit-limit"], "200");
  assert.equal(answer.headers["x-ratelimit-remaining"], "0");
  // "200 requests per minute per API key": the account's other key has its own.
  const { key } = await account.addKey();
  assert.equal((await apiOf(provider.gateway, { key }).get("/credits")).status, 200);
  const reset = Number(answer.headers["x-ratelimit-reset"]);
  const now = Date.now() / 1000;
  assert.ok(reset > now - 1 && reset <= now + 61, `resets at ${reset}, now is ${now}`);
});

test("a match counts against the limit with its entities: four of fifty are all for a minute", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  const api = apiOf(provider.gateway, account);
  const known = { domain: "cloudflare-inc.example" };
  const match = (entities: number) =>
    api.post("/businesses/match", { businesses_to_match: Array.from({ length: entities }, () => known) });
  for (let call = 0; call < 4; call += 1) {
    const answer = await match(50);
    assert.deepEqual([answer.status, answer.json()["total_matches"]], [200, 50]);
  }
  const { answer, cost } = await observe(account, "credits", () => match(1));
  assert.deepEqual([answer.status, cost, answer.headers["x-ratelimit-remaining"]], [429, 0, "0"]);
  assert.equal((await api.post("/businesses", { page_size: 1 })).status, 200, "a search is one query");
});

test("a match takes at most 50 and answers null for a miss, which is free", async () => {
  const account = await provider.openAccount({ credits: 50 });
  const api = apiOf(provider.gateway, account);
  const misses = Array.from({ length: 50 }, (_, index) => ({ domain: `nobody-${index}.example` }));
  const none = await observe(account, "credits", () =>
    api.post("/businesses/match", { businesses_to_match: misses }),
  );
  assert.deepEqual([none.answer.status, none.cost], [200, 0]);
  const [first] = none.answer.json<{ matched_businesses: { business_id: null }[] }>().matched_businesses;
  assert.equal(first?.business_id, null);
  const many = await observe(account, "credits", () =>
    api.post("/businesses/match", { businesses_to_match: [...misses, {}] }),
  );
  assert.deepEqual([many.answer.status, many.cost], [422, 0]);
});

test("a match of one needs one credit", async () => {
  const account = await provider.openAccount({ credits: 1 });
  const api = apiOf(provider.gateway, account);
  const known = { domain: "cloudflare-inc.example" };
  assert.equal((await api.post("/businesses/match", { businesses_to_match: [known, known] })).status, 403);
  assert.equal((await api.post("/businesses/match", { businesses_to_match: [known] })).status, 200);
  assert.equal(await account.balance("credits"), 0);
});

test("a compressed response of the API is counted and extended too", async () => {
  const account = await provider.openAccount({ credits: 100 });
  provider.recorder.answerNext({
    status: 200,
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: gzipSync(`{"data":[1,2,3]}`),
  });
  const { answer, cost } = await observe(account, "credits", () =>
    apiOf(provider.gateway, account).post("/businesses", { page_size: 3 }, OPTED_IN),
  );
  assert.deepEqual([answer.status, cost], [200, 3]);
  const plain = answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.bytes) : answer.bytes;
  assert.equal(
    plain.toString("utf8"),
    `{"data":[1,2,3],"credit_usage":{"total_results":3,"total_credits":3}}`,
  );
});

test("a response that cannot be counted is charged as one, never nothing and never NaN", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const api = apiOf(provider.gateway, account);
  for (const body of [`{"rows":[]}`, `{"data":"many"}`, `{"data":-3}`]) {
    provider.recorder.answerNext({ status: 200, headers: { "content-type": "application/json" }, body });
    const effect = await observe(account, "credits", () => api.post("/businesses", { page_size: 10 }));
    assert.equal(effect.answer.status, 200);
    assert.equal(effect.answer.text, body);
    assert.equal(effect.cost, 1);
  }
});
