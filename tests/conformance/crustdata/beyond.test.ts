import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { apiOf, KNOWN_DOMAIN, NOBODY, UNKNOWN_DOMAIN } from "./api.ts";

/** Documented elsewhere by the vendor; the document beside this file is silent on it, or names it only. */

let provider: TestProvider;
before(async () => {
  provider = await startProvider("crustdata");
});
after(() => provider.close());

test("the legacy scheme Token is accepted too", async () => {
  const account = await provider.openAccount({ credits: 10 });
  const headers = { authorization: `Token ${account.key}` };
  const answer = await send(provider.gateway, "/user/credits", { headers });
  assert.deepEqual([answer.status, answer.text], [200, `{"credits":10}`]);
});

test("enrich costs 2 per match; misses are listed and free", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const api = apiOf(provider.gateway, account);
  for (const [domains, cost] of [
    [[KNOWN_DOMAIN], 2],
    [[UNKNOWN_DOMAIN], 0],
    [[UNKNOWN_DOMAIN, KNOWN_DOMAIN, "google-llc.example"], 4],
  ] as const) {
    const effect = await observe(account, "credits", () => api.enrich({ domains }));
    assert.deepEqual([effect.answer.status, effect.cost], [200, cost]);
    assert.equal(effect.answer.json<unknown[]>().length, domains.length);
  }
});

test("a call with one identifier needs 2 credits; with more it needs what all could cost", async () => {
  const account = await provider.openAccount({ credits: 2 });
  const api = apiOf(provider.gateway, account);
  const refused = await api.enrich({ domains: [KNOWN_DOMAIN, UNKNOWN_DOMAIN] });
  assert.equal(refused.status, 402);
  assert.equal((await api.enrich({ domains: [KNOWN_DOMAIN] })).status, 200);
  assert.equal(await account.balance("credits"), 0);
});

test("identify is free, misses and matches alike", async () => {
  const account = await provider.openAccount({});
  const { answer, cost } = await observe(account, "credits", () =>
    apiOf(provider.gateway, account).identify({ domains: [KNOWN_DOMAIN, UNKNOWN_DOMAIN] }),
  );
  assert.deepEqual([answer.status, cost], [200, 0]);
  assert.deepEqual(
    answer.json<{ matches: unknown[] }[]>().map((entry) => entry.matches.length),
    [1, 0],
  );
});

test("a 200 with an empty result is free, and unchanged to the byte", async () => {
  const account = await provider.openAccount({ credits: 1 });
  const { answer, cost } = await observe(account, "credits", () =>
    apiOf(provider.gateway, account).search({ filters: NOBODY }),
  );
  assert.equal(cost, 0);
  assert.deepEqual(answer.bytes, provider.recorder.last().body);
});

test("too few credits are a 402 in the error shape; nothing is forwarded and nothing charged", async () => {
  const account = await provider.openAccount({ credits: 0.59 });
  const api = apiOf(provider.gateway, account);
  const asked = provider.recorder.exchanges.length;
  const answer = await api.search({});
  assert.equal(answer.status, 402);
  const { error } = answer.json<{ error: { type: string; message: string; metadata: object } }>();
  assert.equal(error.type, "insufficient_credits");
  assert.ok(error.message.length > 0);
  assert.deepEqual(error.metadata, {});
  assert.deepEqual(Object.keys(answer.json()), ["error"]);
  assert.equal(provider.recorder.exchanges.length, asked);
  assert.equal(await account.balance("credits"), 0.59);
  assert.equal((await api.search({ limit: 19 })).status, 200);
});

test("a 400 is free and keeps the upstream's body", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const { answer, cost } = await observe(account, "credits", () =>
    apiOf(provider.gateway, account).search({ limit: 5000 }),
  );
  assert.deepEqual([answer.status, cost], [400, 0]);
  assert.deepEqual(answer.bytes, provider.recorder.last().body);
});

test("x-api-version reaches the upstream; the key does not", async () => {
  const account = await provider.openAccount({ credits: 1 });
  assert.equal((await apiOf(provider.gateway, account).search({ limit: 1 })).status, 200);
  const { headers } = provider.recorder.last();
  assert.equal(headers["x-api-version"], "2025-11-01");
  assert.equal(JSON.stringify(headers).includes(account.key), false);
});

test("Credits-Max refuses a call that could cost more, before it runs", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const api = apiOf(provider.gateway, account);
  const asked = provider.recorder.exchanges.length;
  assert.equal((await api.search({ limit: 100 }, { "credits-max": "2.99" })).status, 402);
  assert.equal(provider.recorder.exchanges.length, asked);
  assert.equal((await api.search({ limit: 100 }, { "credits-max": "3" })).status, 200);
  assert.equal(await account.balance("credits"), 97);
});

test("the same Idempotency-Key is charged once and answered alike", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const api = apiOf(provider.gateway, account);
  const once = { "idempotency-key": "order-1" };
  const first = await api.search({ limit: 10 }, once);
  const asked = provider.recorder.exchanges.length;
  const second = await api.search({ limit: 10 }, once);
  assert.deepEqual([first.status, second.status], [200, 200]);
  assert.deepEqual(second.bytes, first.bytes);
  assert.equal(second.headers["idempotency-replayed"], "true");
  assert.equal(provider.recorder.exchanges.length, asked);
  assert.equal(await account.balance("credits"), 99.7);
});
