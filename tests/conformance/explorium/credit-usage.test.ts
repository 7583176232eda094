import assert from "node:assert/strict";
import { after, before } from "node:test";
import { observe, type TestAccount } from "../account.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, EXAMPLE, NOBODY, OPTED_IN, splitUsage } from "./api.ts";

const rule = rulesOf("explorium");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("explorium");
});
after(() => provider.close());

/** Calls with the opt-in; what the usage object says must be what the ledger took. */
async function callForUsage(account: TestAccount, path: string, body: unknown) {
  const effect = await observe(account, "credits", () =>
    apiOf(provider.gateway, account).post(path, body, OPTED_IN),
  );
  assert.equal(effect.answer.status, 200, effect.answer.text);
  const { rest, usage } = splitUsage(effect.answer);
  assert.equal(rest, provider.recorder.last().body.toString("utf8"));
  assert.equal(usage.total_credits, effect.cost);
  return { ...effect, usage, rest };
}

rule(
  "The Per-Call Credit Usage feature lets you see exactly how many credits a request consumed, returned inline with that request’s response.",
  "the number is the charge's",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const { usage, charges } = await callForUsage(account, "/businesses", { page_size: 7 });
    assert.deepEqual(usage, { total_results: 7, total_credits: 7 });
    assert.equal(charges[0]?.units, 7);
  },
);

rule(
  "This gives you call-level visibility into consumption so you can track, attribute, and optimize your usage in real time, without making a separate call to the Credit Consumption Aggregation endpoint.",
  "the calls' numbers add up to what the pool lost",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    let told = 0;
    for (const [path, body] of [
      ["/businesses", { page_size: 3 }],
      ["/prospects", { page_size: 5 }],
      ["/businesses", NOBODY],
    ] as const) {
      told += (await callForUsage(account, path, body)).usage.total_credits;
    }
    assert.equal(await account.balance("credits"), 100 - told);
    assert.equal(told, 8);
  },
);

rule("The feature is opt-in.", "without the header no response has the member", async () => {
  const account = await provider.openAccount({ credits: 100 });
  const answer = await apiOf(provider.gateway, account).post("/businesses", { page_size: 2 });
  assert.equal(answer.status, 200);
  assert.equal("credit_usage" in answer.json(), false);
});

rule(
  "It is enabled per request via a request header and has no effect on existing integrations that don’t send the header.",
  "one request with it changes nothing for the next without",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    await callForUsage(account, "/businesses", { page_size: 2 });
    const answer = await api.post("/businesses", { page_size: 2 });
    assert.deepEqual(answer.bytes, provider.recorder.last().body);
    assert.equal(provider.recorder.last().headers["credit-usage"], undefined);
  },
);

rule(
  "Real-time cost attribution — Know the cost of each call as it happens, without polling an aggregation endpoint.",
  "eight calls at a time, each told its own cost",
  async () => {
    const account = await provider.openAccount({ credits: 1000 });
    const api = apiOf(provider.gateway, account);
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((size) => api.post("/prospects", { page_size: size }, OPTED_IN)),
    );
    assert.deepEqual(
      answers.map((answer) => splitUsage(answer).usage.total_credits),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(await account.balance("credits"), 1000 - 36);
  },
);

rule(
  "Usage optimization — Compare the credit cost of different filters, modes, and page sizes to tune your queries.",
  "each difference shows",
  async () => {
    const account = await provider.openAccount({ credits: 2000 });
    const narrow = { filters: { company_name: { values: ["Cloudflare, Inc."] } }, page_size: 50 };
    const costs: number[] = [];
    for (const body of [
      { page_size: 10 },
      { page_size: 500 },
      { page_size: 10, mode: "preview" },
      { size: 25, page_size: 20, page: 2 },
      narrow,
      NOBODY,
    ]) {
      const { usage } = await callForUsage(account, "/businesses", body);
      assert.equal(usage.total_results, usage.total_credits);
      costs.push(usage.total_credits);
    }
    assert.deepEqual(costs, [10, 500, 10, 5, 1, 0]);
  },
);

rule(
  "Enabling this feature does not consume additional credits.",
  "the same call costs the same",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const without = await observe(account, "credits", () => api.post("/prospects", { page_size: 6 }));
    const { cost } = await callForUsage(account, "/prospects", { page_size: 6 });
    assert.deepEqual([without.cost, cost], [6, 6]);
  },
);

rule(
  "It only reports the credits already deducted for the request you made.",
  "the charge is in the ledger when the answer arrives",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const { usage, charges } = await callForUsage(account, "/businesses", { page_size: 4 });
    assert.deepEqual(
      charges.map((charge) => charge.amount),
      [-usage.total_credits],
    );
  },
);

rule(
  "Opt in by sending the following request header: credit-usage: true When this header is present and set to true, the response includes an additional credit_usage object alongside the standard payload.",
  "its length and type are right, and the rest is the payload to the byte",
  async () => {
    const account = await provider.openAccount({ credits: 200 });
    const { answer } = await callForUsage(account, "/businesses", EXAMPLE);
    assert.equal(answer.headers["content-length"], String(answer.bytes.byteLength));
    assert.match(String(answer.headers["content-type"]), /^application\/json\b/);
  },
);

rule(
  "When the header is omitted or set to any other value, the response is returned unchanged.",
  "to the byte, for every other value",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    for (const value of [undefined, "false", "1", "yes", "", "truee", "true,true", '"true"', "tru e"]) {
      const headers = value === undefined ? {} : { "credit-usage": value };
      const answer = await api.post("/businesses", { page_size: 2 }, headers);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.bytes, provider.recorder.last().body, `with ${value}`);
    }
  },
);

rule(
  "Set to true to include the credit_usage object in the response.Any other value, or omitting the header entirely, leaves the response unchanged.",
  "numbers beyond a double, doubled names and odd spacing included",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    const odd = `\n{ "data" : [1, 2],"id":12345678901234567890, "a":1,"a":1e400, "u":"\\u00e9 ñ" , "z":-0.0 }\n`;
    const script = { status: 200, headers: { "content-type": "application/json" }, body: odd };
    provider.recorder.answerNext(script);
    const plain = await api.post("/businesses", { page_size: 2 });
    assert.equal(plain.text, odd);
    provider.recorder.answerNext(script);
    const spliced = await api.post("/businesses", { page_size: 2 }, OPTED_IN);
    const added = `,"credit_usage":{"total_results":2,"total_credits":2}`;
    assert.equal(spliced.text.replace(added, ""), odd);
  },
);

rule(
  "The header is case-insensitive in its value (true / True).",
  "and in its name, as all headers are",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    for (const headers of [
      { "credit-usage": "true" },
      { "credit-usage": "True" },
      { "credit-usage": "TRUE" },
      { "Credit-Usage": "tRuE" },
    ]) {
      const answer = await api.post("/businesses", { page_size: 1 }, headers);
      assert.deepEqual(splitUsage(answer).usage, { total_results: 1, total_credits: 1 });
    }
  },
);

rule(
  "When opted in, the standard response payload is returned with one additional top-level field: credit_usage object Credit consumption details for this specific API call.",
  "one field more, and no other",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const { answer, rest } = await callForUsage(account, "/businesses", { page_size: 1 });
    const standard = Object.keys(JSON.parse(rest) as object);
    assert.deepEqual(Object.keys(answer.json()), [...standard, "credit_usage"]);
  },
);

rule(
  "Present only when the request includes credit-usage: true. credit_usage.total_results reports the number of records returned and billed in this call, which is not the same as the top-level total_results field that some endpoints return. The top-level total_results reflects the total number of records that match your filters across all pages, while credit_usage.total_results reflects only what this single response returned.",
  "both in one response, different",
  async () => {
    const account = await provider.openAccount({ credits: 500 });
    const { answer, usage } = await callForUsage(account, "/businesses", EXAMPLE);
    const body = answer.json<{ total_results: number; data: unknown[] }>();
    assert.ok(body.total_results > 100);
    assert.equal(usage.total_results, body.data.length);
    assert.equal(usage.total_results, 100);
  },
);

rule(
  `"credit_usage": { "total_results": 100, "total_credits": 100 }`,
  "the example's request, to the byte",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const { answer } = await callForUsage(account, "/businesses", EXAMPLE);
    assert.ok(answer.text.endsWith(`,"credit_usage":{"total_results":100,"total_credits":100}}`));
    assert.equal(await account.balance("credits"), 0);
  },
);

rule(
  "credit-usage: trueStandard payload plus the credit_usage object.",
  "also where nothing was found and nothing charged",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const { usage, charges } = await callForUsage(account, "/businesses", NOBODY);
    assert.deepEqual(usage, { total_results: 0, total_credits: 0 });
    assert.equal(charges.length, 0);
  },
);

rule(
  "Any other valueStandard payload, unchanged. No credit_usage object. Header omittedStandard payload, unchanged. No credit_usage object.",
  "charged all the same",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const api = apiOf(provider.gateway, account);
    for (const headers of [{ "credit-usage": "maybe" }, {}]) {
      const { answer, cost } = await observe(account, "credits", () =>
        api.post("/businesses", { page_size: 5 }, headers),
      );
      assert.equal("credit_usage" in answer.json(), false);
      assert.equal(cost, 5);
    }
  },
);

rule(
  "Because the field is only added when you explicitly opt in, existing integrations are unaffected and the change is fully backward compatible.",
  "errors of the API stay as they are even when opted in",
  async () => {
    const account = await provider.openAccount({ credits: 1000 });
    const api = apiOf(provider.gateway, account);
    const invalid = await observe(account, "credits", () =>
      api.post("/businesses", { page_size: 501 }, OPTED_IN),
    );
    assert.deepEqual([invalid.answer.status, invalid.cost], [422, 0]);
    assert.deepEqual(invalid.answer.bytes, provider.recorder.last().body);
    const unknown = await observe(account, "credits", () =>
      api.post("/businesses/firmographics/enrich", { business_id: "0".repeat(32) }, OPTED_IN),
    );
    assert.deepEqual([unknown.answer.status, unknown.cost], [404, 0]);
    assert.deepEqual(unknown.answer.bytes, provider.recorder.last().body);
  },
);

interface Row {
  readonly business_id?: string;
  readonly prospect_id?: string;
  readonly full_name?: string;
  readonly company_name?: string;
}

async function listRows(account: TestAccount, path: string): Promise<readonly Row[]> {
  const answer = await apiOf(provider.gateway, account).post(path, { page_size: 10 });
  return answer.json<{ data: Row[] }>().data;
}

rule(
  "The credit-usage header is supported across the credit-consuming partner service endpoints, including: • Businesses — Fetch Businesses, Match Businesses, Fetch Businesses Statistics, Business Enrichments, and Business Events.",
  "all five, each with its cost",
  async () => {
    const account = await provider.openAccount({ credits: 1000 });
    const rows = await listRows(account, "/businesses");
    const ids = rows.map((row) => row.business_id);
    const found = await callForUsage(account, "/businesses", { page_size: 3 });
    const matched = await callForUsage(account, "/businesses/match", {
      businesses_to_match: [{ domain: "cloudflare-inc.example" }, { domain: "nobody.example" }],
    });
    const statistics = await callForUsage(account, "/businesses/stats", {});
    const enriched = await callForUsage(account, "/businesses/firmographics/enrich", { business_id: ids[0] });
    const events = await callForUsage(account, "/businesses/events", { business_ids: ids });
    assert.deepEqual([found.cost, matched.cost, statistics.cost, enriched.cost], [3, 1, 1, 1]);
    assert.equal(events.cost, events.answer.json<{ output_events: unknown[] }>().output_events.length);
    assert.ok(events.cost > 0);
  },
);

rule(
  "• Prospects — Fetch Prospects, Match Prospects, Prospect Enrichments, and Prospect Events.",
  "all four, each with its cost",
  async () => {
    const account = await provider.openAccount({ credits: 1000 });
    const rows = await listRows(account, "/prospects");
    const ids = rows.map((row) => row.prospect_id);
    const found = await callForUsage(account, "/prospects", { page_size: 3 });
    const people = rows.map((row) => ({ full_name: row.full_name, company_name: row.company_name }));
    const matched = await callForUsage(account, "/prospects/match", { prospects_to_match: people });
    const enriched = await callForUsage(account, "/prospects/contacts_information/enrich", {
      prospect_id: ids[0],
    });
    const events = await callForUsage(account, "/prospects/events", { prospect_ids: ids });
    assert.deepEqual([found.cost, matched.cost, enriched.cost], [3, 10, 1]);
    assert.equal(events.cost, events.answer.json<{ output_events: unknown[] }>().output_events.length);
  },
);

rule(
  "Endpoints that do not consume credits ignore the header and return their standard response.",
  "of the API and of the gateway, with an empty pool",
  async () => {
    const account = await provider.openAccount({});
    const api = apiOf(provider.gateway, account);
    const path = "/businesses/autocomplete?field=linkedin_category&query=tele";
    const free = await observe(account, "credits", () => api.get(path, OPTED_IN));
    assert.deepEqual([free.answer.status, free.cost], [200, 0]);
    assert.deepEqual(free.answer.bytes, provider.recorder.last().body);
    const balance = await observe(account, "credits", () => api.get("/credits", OPTED_IN));
    assert.deepEqual([balance.answer.status, balance.cost], [200, 0]);
    assert.equal("credit_usage" in balance.answer.json(), false);
  },
);
