import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, KNOWN_IP, UNKNOWN_IP } from "./api.ts";

/** The vendor's wire format, and what its price page said later: a cost that changed, a look-up paid once in 24 hours. */

const rule = rulesOf("leadboxer");
const OLD_PRICE = "{ match: GET /v1/ip-lookup, cost: 10, on: processed }";
const NEW_PRICE =
  "{ match: GET /v1/ip-lookup, cost: 20, on: processed, once: { key: { query: ip }, within: 24h } }";

let provider: TestProvider;

/** An instance learns of a new list by its next heartbeat. A new account asks each time: each may be the one that pays less. */
async function waitForPrice(price: number): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const account = await provider.openAccount({ credits: 100 });
    await apiOf(provider.gateway, account).ipLookup("9.9.9.9");
    if ((await account.balance("credits")) === 100 - price) return;
    assert.ok(Date.now() < deadline, "a price list is in force within 5 s");
  }
}
before(async () => {
  provider = await startProvider("leadboxer", (config) => config.replace("requests: 600", "requests: 40"));
});
after(() => provider.close());

test("a missing and an invalid key have one 401, to the byte", async () => {
  const expected = `{"error":"Unauthorized","message":"Invalid or missing API key"}`;
  for (const headers of [{}, { "x-api-key": "nonsense" }]) {
    const answer = await send(provider.gateway, `/v1/ip-lookup?ip=${KNOWN_IP}`, { headers });
    assert.deepEqual([answer.status, answer.text], [401, expected]);
  }
});

test("too few credits are problem details with a link to the billing portal", async () => {
  const account = await provider.openAccount({ credits: 9 });
  const answer = await apiOf(provider.gateway, account).ipLookup(KNOWN_IP);
  assert.equal(answer.status, 402);
  assert.match(String(answer.headers["content-type"]), /^application\/problem\+json\b/);
  const body = answer.json();
  assert.equal(body["status"], 402);
  assert.equal(body["type"], "https://developers.leadboxer.com/docs/payment-required");
  assert.deepEqual([body["title"], body["instance"]], ["Payment Required", "/v1/ip-lookup"]);
  assert.match(String(body["billing_portal"]), /^https:\/\//);
  assert.equal(await account.balance("credits"), 9);
});

test("a 429 is problem details with kebab-case members, and free", async () => {
  const account = await provider.openAccount({ credits: 1000 });
  const api = apiOf(provider.gateway, account);
  const answers = await Promise.all(Array.from({ length: 41 }, () => api.status()));
  const refused = answers.find((answer) => answer.status === 429);
  assert.ok(refused);
  assert.match(String(refused.headers["content-type"]), /^application\/problem\+json\b/);
  const body = refused.json<Record<string, number>>();
  assert.equal(body["rate-limit"], 40);
  assert.equal(body["rate-limit-remaining"], 0);
  assert.equal(body["rate-limit-period"], "minute");
  assert.equal(body["type"], "https://developers.leadboxer.com/docs/rate-limit-exceeded");
  assert.equal(body["instance"], "/v1/status");
  assert.ok(Number(body["retry-after"]) > 0 && Number(body["retry-after"]) <= 60);
  const now = Date.now() / 1000;
  assert.ok(Number(body["rate-limit-reset"]) >= now - 1 && Number(body["rate-limit-reset"]) <= now + 61);
  const paid = await observe(account, "credits", () => api.ipLookup(KNOWN_IP));
  assert.deepEqual([paid.answer.status, paid.cost], [429, 0]);
});

rule(
  "Credit costs per endpoint may change over time as the platform evolves.",
  "from 10 to 20, once in 24 hours per address; earlier charges keep the list that priced them",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const old = await observe(account, "credits", () => api.ipLookup(KNOWN_IP));
    assert.equal(old.cost, 10);
    await provider.publishPrices((config) => config.replace(OLD_PRICE, NEW_PRICE));
    await waitForPrice(20);
    const costs: number[] = [];
    for (const ip of [KNOWN_IP, KNOWN_IP, UNKNOWN_IP, UNKNOWN_IP, "8.8.8.8"]) {
      const { answer, cost, charges } = await observe(account, "credits", () => api.ipLookup(ip));
      assert.equal(answer.status, ip === UNKNOWN_IP ? 404 : 200);
      if (cost > 0) assert.notEqual(charges[0]?.priceList, old.charges[0]?.priceList);
      costs.push(cost);
    }
    assert.deepEqual(costs, [20, 0, 20, 0, 20]);
    const kept = (await account.entries("credits"))[1];
    assert.deepEqual([kept?.amount, kept?.priceList], [-10, old.charges[0]?.priceList]);
  },
);
