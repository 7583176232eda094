import assert from "node:assert/strict";
import { after, before } from "node:test";
import { observe, type TestAccount } from "../account.ts";
import { type Answer, send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, EVENT, KNOWN_DOMAIN, KNOWN_IP, UNKNOWN_IP } from "./api.ts";

const rule = rulesOf("leadboxer");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("leadboxer");
});
after(() => provider.close());

type Api = ReturnType<typeof apiOf>;

/** Calls, and checks status and cost of each. */
async function expectCosts(
  account: TestAccount,
  calls: readonly (readonly [(api: Api) => Promise<Answer>, number, number])[],
): Promise<void> {
  const api = apiOf(provider.gateway, account);
  for (const [call, status, cost] of calls) {
    const effect = await observe(account, "credits", () => call(api));
    assert.deepEqual([effect.answer.status, effect.cost], [status, cost], call.toString());
  }
}

rule("Some API endpoints consume credits when they are called.", "five do, one line each", async () => {
  const account = await provider.openAccount({ credits: 100 });
  await expectCosts(account, [
    [(api) => api.ipLookup(KNOWN_IP), 200, 10],
    [(api) => api.domainLookup(KNOWN_DOMAIN), 200, 10],
    [(api) => api.track(EVENT), 200, 1],
    [(api) => api.leads("limit=1"), 200, 10],
    [(api) => api.exportLeads("country=fi"), 200, 10],
  ]);
  const charges = (await account.entries("credits")).filter((entry) => entry.kind === "charge");
  assert.deepEqual(
    charges.map((entry) => entry.endpoint),
    ["GET /v1/ip-lookup", "GET /v1/domain-lookup", "POST /v1/track", "GET /v1/leads", "GET /v1/leads/export"],
  );
});

rule(
  "Credits are used to account for request processing performed by the platform.",
  "what was not processed, because the API failed or broke off, is free",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    for (const status of [500, 502, 503, 504]) {
      provider.recorder.answerNext({ status, body: "{}" });
      const { answer, cost } = await observe(account, "credits", () => api.ipLookup(KNOWN_IP));
      assert.deepEqual([answer.status, cost], [status, 0]);
    }
  },
);

rule(
  "Credits are consumed per request when an endpoint is called.",
  "the same call twice costs twice",
  async () => {
    await expectCosts(await provider.openAccount({ credits: 100 }), [
      [(api) => api.ipLookup(KNOWN_IP), 200, 10],
      [(api) => api.ipLookup(KNOWN_IP), 200, 10],
    ]);
  },
);

rule("Credit usage is not based on results", "one lead, five hundred or none: 10", async () => {
  await expectCosts(await provider.openAccount({ credits: 100 }), [
    [(api) => api.leads("limit=1"), 200, 10],
    [(api) => api.leads("limit=500"), 200, 10],
    [(api) => api.leads("organization=zzyzx"), 200, 10],
  ]);
});

rule(
  "Credit usage is not affected by response size",
  "a CSV of megabytes and its header line alone: 10",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const large = await observe(account, "credits", () => api.exportLeads(""));
    const small = await observe(account, "credits", () => api.exportLeads("organization=zzyzx"));
    assert.ok(large.answer.bytes.byteLength > 2_000_000 && small.answer.bytes.byteLength < 200);
    assert.deepEqual([large.cost, small.cost], [10, 10]);
    assert.equal(large.answer.headers["content-type"], "text/csv; charset=utf-8");
  },
);

rule(
  "Credit usage is independent of enrichment depth",
  "a record with all fields and one with nulls: 10",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const countries = new Set<unknown>();
    for (const ip of [KNOWN_IP, "1.5.0.1"]) {
      const { answer, cost } = await observe(account, "credits", () => api.ipLookup(ip));
      assert.deepEqual([answer.status, cost], [200, 10]);
      const { organization } = answer.json<{ organization: { country: string | null } }>();
      countries.add(organization.country === null);
    }
    assert.equal(countries.size, 2);
  },
);

rule(
  "If a request reaches the API and is processed, the associated credits are consumed.",
  "no data (404) included",
  async () => {
    await expectCosts(await provider.openAccount({ credits: 100 }), [
      [(api) => api.ipLookup(UNKNOWN_IP), 404, 10],
      [(api) => api.domainLookup("nobody.example"), 404, 10],
    ]);
  },
);

rule(
  "All credit-consuming endpoints use a fixed credit cost per request.",
  "also a price list without any price per result",
  async () => {
    const account = await provider.openAccount({ credits: 60 });
    const api = apiOf(provider.gateway, account);
    await Promise.all([1, 2, 3, 4, 5, 6].map((limit) => api.leads(`limit=${limit}`)));
    assert.equal(await account.balance("credits"), 0);
    const amounts = (await account.entries("credits")).slice(1).map((entry) => entry.amount);
    assert.deepEqual(amounts, [-10, -10, -10, -10, -10, -10]);
  },
);

rule(
  "Each request consumes a known, predefined number of credits",
  "known before: a cap below it refuses",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const asked = provider.recorder.exchanges.length;
    assert.equal((await api.get(`/v1/ip-lookup?ip=${KNOWN_IP}`, { "credits-max": "9.99" })).status, 402);
    assert.equal(provider.recorder.exchanges.length, asked);
    assert.equal((await api.get(`/v1/ip-lookup?ip=${KNOWN_IP}`, { "credits-max": "10" })).status, 200);
    assert.equal(await account.balance("credits"), 90);
  },
);

rule("The same endpoint always consumes the same number of credits", "whatever the address", async () => {
  const ips = ["1.1.1.1", "8.8.8.8", "9.9.9.9", UNKNOWN_IP, "2001:db8::1"];
  const account = await provider.openAccount({ credits: 50 });
  for (const ip of ips) {
    const { cost } = await observe(account, "credits", () => apiOf(provider.gateway, account).ipLookup(ip));
    assert.equal(cost, 10);
  }
});

rule(
  "Credits are consumed regardless of whether the response contains data",
  "the body of the charged 404 is the API's, to the byte",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const { answer, cost, charges } = await observe(account, "credits", () =>
      apiOf(provider.gateway, account).ipLookup(UNKNOWN_IP),
    );
    assert.deepEqual([answer.status, cost, charges[0]?.status], [404, 10, 404]);
    assert.deepEqual(answer.bytes, provider.recorder.last().body);
  },
);

rule("There are no variable credit costs.", "every charge of an endpoint has one amount", async () => {
  const account = await provider.openAccount({ credits: 200 });
  const api = apiOf(provider.gateway, account);
  for (const query of ["limit=1", "limit=100&country=de", "min_score=99", "offset=30000"])
    await api.leads(query);
  const charges = (await account.entries("credits")).filter((entry) => entry.kind === "charge");
  assert.deepEqual([...new Set(charges.map((entry) => entry.amount))], [-10]);
  assert.equal(charges.length, 4);
});

const TABLE: readonly (readonly [string, (api: Api) => Promise<Answer>, number])[] = [
  ["/v1/ip-lookupGET10 creditsPer API call", (api) => api.ipLookup(KNOWN_IP), 10],
  ["/v1/domain-lookupGET10 creditPer API call", (api) => api.domainLookup(KNOWN_DOMAIN), 10],
  ["/v1/trackPOST1 creditsTrack a single event", (api) => api.track(EVENT), 1],
  ["/v1/leadsGET10 creditsRetrieve lead data", (api) => api.leads("limit=2"), 10],
  ["/v1/leads/exportGET10 creditsRetrieve lead data in CSV", (api) => api.exportLeads("country=se"), 10],
];

rule(
  "The table below lists the fixed credit cost per request for each endpoint. EndpointMethodCredits per requestNotes /v1/ip-lookupGET10 creditsPer API call /v1/domain-lookupGET10 creditPer API call /v1/trackPOST1 creditsTrack a single event /v1/leadsGET10 creditsRetrieve lead data /v1/leads/exportGET10 creditsRetrieve lead data in CSV",
  "each row: exactly its credits pay for one request and for no second",
  async () => {
    for (const [row, call, credits] of TABLE) {
      const account = await provider.openAccount({ credits });
      const api = apiOf(provider.gateway, account);
      const { answer, cost } = await observe(account, "credits", () => call(api));
      assert.deepEqual([answer.status, cost], [200, credits], row);
      assert.equal((await call(api)).status, 402, row);
      const poor = await provider.openAccount({ credits: credits - 0.000001 });
      assert.equal((await call(apiOf(provider.gateway, poor))).status, 402, row);
    }
  },
);

rule(
  "All other endpoints DO NOT consume credits",
  "also with an empty pool, known to the API or not",
  async () => {
    const account = await provider.openAccount({});
    await expectCosts(account, [
      [(api) => api.status(), 200, 0],
      [(api) => api.get("/v1/nothing"), 404, 0],
      [(api) => api.get("/v1/track"), 404, 0],
    ]);
    const anonymous = await send(provider.gateway, "/v1/status");
    assert.equal(anonymous.status, 401);
  },
);

rule(
  "This overview reflects the actual number of requests processed by the API.",
  "the ledger has one line for each request that the API processed",
  async () => {
    const account = await provider.openAccount({ credits: 1000 });
    const api = apiOf(provider.gateway, account);
    const asked = provider.recorder.exchanges.length;
    await Promise.all([
      ...Array.from({ length: 10 }, () => api.ipLookup(KNOWN_IP)),
      ...Array.from({ length: 10 }, () => api.ipLookup(UNKNOWN_IP)),
      ...Array.from({ length: 10 }, () => api.ipLookup("nonsense")),
    ]);
    const processed = provider.recorder.exchanges
      .slice(asked)
      .filter((exchange) => exchange.status === 200 || exchange.status === 404);
    const charges = (await account.entries("credits")).filter((entry) => entry.kind === "charge");
    assert.equal(charges.length, processed.length);
    assert.equal(charges.length, 20);
    assert.equal(new Set(charges.map((entry) => entry.requestId)).size, 20);
  },
);

rule(
  "Requests that fail validation or authentication do not consume credits",
  "400 of the API, 401 of ours",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    await expectCosts(account, [
      [(api) => api.ipLookup("nonsense"), 400, 0],
      [(api) => api.get("/v1/ip-lookup"), 400, 0],
      [(api) => api.domainLookup("nonsense"), 400, 0],
      [(api) => api.track({ event: "sneeze" }), 400, 0],
      [(api) => api.leads("limit=0"), 400, 0],
      [() => send(provider.gateway, `/v1/ip-lookup?ip=${KNOWN_IP}`), 401, 0],
      [() => apiOf(provider.gateway, { key: "nonsense" }).ipLookup(KNOWN_IP), 401, 0],
    ]);
    for (const status of [400, 401, 403, 409, 413, 414, 415, 422]) {
      provider.recorder.answerNext({ status, body: "{}" });
      await expectCosts(account, [[(api) => api.ipLookup(KNOWN_IP), status, 0]]);
    }
  },
);

rule("Requests that reach processing and return a valid response do consume credits", "any 2xx", async () => {
  const account = await provider.openAccount({ credits: 100 });
  for (const status of [200, 201, 202, 204]) {
    provider.recorder.answerNext({ status });
    await expectCosts(account, [[(api) => api.ipLookup(KNOWN_IP), status, 10]]);
  }
});

rule(
  "Rate-limited or blocked requests do not consume credits.",
  "a 429 of the API, and requests refused for lack of credits",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    provider.recorder.answerNext({ status: 429, body: "{}" });
    await expectCosts(account, [
      [(api) => api.ipLookup(KNOWN_IP), 429, 0],
      [(api) => api.ipLookup(KNOWN_IP), 200, 10],
      [(api) => api.ipLookup(KNOWN_IP), 402, 0],
    ]);
  },
);

rule(
  "Cache responses client-side where appropriate",
  "charged responses are private to the client",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const answer = await apiOf(provider.gateway, account).ipLookup(KNOWN_IP);
    assert.match(String(answer.headers["cache-control"]), /private/);
  },
);
