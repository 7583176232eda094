import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Hono } from "hono";
import PDLJS from "peopledatalabs";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const PERSON = { id: "qEnOZ5Oh0poWnQ1luFBfVw_0000", full_name: "ada lovelace" };

const api = new Hono()
  .get("/v5/person/enrich", (c) =>
    c.req.query("email") === "ada@example.com"
      ? c.json({ status: 200, likelihood: 9, data: PERSON })
      : c.json({ status: 404, error: { type: "not_found", message: "No records were found" } }, 404),
  )
  .post("/v5/person/search", async (c) => {
    const { size } = await c.req.json<{ size: number }>();
    const data = Array.from({ length: Math.min(size, 3) }, () => PERSON);
    return c.json({ status: 200, data, total: 3, scroll_token: null });
  });

const vendor = await startVendor("peopledatalabs", api, {
  edit: (config) => config.replace("requests: 100, per: minute", "requests: 3, per: day"),
});
const client = (apiKey: string): PDLJS => new PDLJS({ apiKey, basePath: `${vendor.url}/v5` });

/** The client throws plain objects. */
interface Failure {
  readonly status: number;
  readonly message: string;
  readonly rateLimit: Readonly<Record<string, unknown>>;
}

describe("the npm package peopledatalabs", () => {
  after(() => vendor.close());

  it("enriches with its key in the query, and reads from headers what it cost and what is left", async () => {
    const account = await vendor.openAccount({ enrichment: 10 });
    const pdl = client(account.key);
    const cost = await costOf(vendor, account, "enrichment", async () => {
      const { data, rateLimit } = await pdl.person.enrichment({ email: "ada@example.com" });
      assert.equal(data?.full_name, "ada lovelace");
      assert.deepEqual(
        { ...rateLimit, rateLimitReset: undefined },
        {
          callCreditsSpent: 1,
          callCreditsType: "enrichment",
          lifetimeUsed: 1,
          totalLimitRemaining: 9,
          totalLimitPurchasedRemaining: 9,
          totalLimitOveragesRemaining: 0,
          rateLimitLimit: { day: 3 },
          rateLimitRemaining: { day: 2 },
          rateLimitReset: undefined,
        },
      );
      assert.ok(Number.isFinite(Date.parse(rateLimit?.rateLimitReset ?? "")));
    });
    assert.equal(cost, 1);
    assert.match(vendor.sent().path, new RegExp(`[?&]api_key=${account.key}(&|$)`));
    assert.equal(vendor.forwarded().path, "/v5/person/enrich?email=ada%40example.com");
  });

  it("searches with its key in X-Api-Key, for a credit a record", async () => {
    const account = await vendor.openAccount({ search: 10 });
    const pdl = client(account.key);
    const cost = await costOf(vendor, account, "search", async () => {
      const { data } = await pdl.person.search.elastic({
        searchQuery: { query: { match_all: {} } },
        size: 5,
      });
      assert.equal(data?.length, 3);
    });
    assert.equal(cost, 3);
    assert.equal(vendor.sent().headers["x-api-key"], account.key);
  });

  it("reads who is not found as its 404, which costs nothing", async () => {
    const account = await vendor.openAccount({ enrichment: 10 });
    const failure = (await client(account.key)
      .person.enrichment({ email: "nobody@example.com" })
      .catch((error: unknown) => error)) as Failure;
    assert.equal(failure.status, 404);
    assert.equal(failure.rateLimit["callCreditsSpent"], 0);
    assert.equal(failure.rateLimit["totalLimitRemaining"], 10);
  });

  it("knows refusals as its 401, 402 and 429", async () => {
    const account = await vendor.openAccount({ enrichment: 0.5, search: 1 });
    const ask = async (key: string): Promise<Failure> =>
      (await failureOf(vendor, account, "enrichment", () =>
        client(key).person.enrichment({ email: "ada@example.com" }),
      )) as Failure;
    const invalid = await ask("0".repeat(64));
    assert.equal(invalid.status, 401);
    assert.equal(invalid.message, "Request contained a missing or invalid key");
    const short = await ask(account.key);
    assert.equal(short.status, 402);
    assert.match(short.message, /^Payment Required/);
    assert.equal(short.rateLimit["totalLimitRemaining"], 0.5);
    await ask(account.key);
    await ask(account.key);
    const fast = await ask(account.key);
    assert.equal(fast.status, 429);
    assert.deepEqual(fast.rateLimit["rateLimitRemaining"], { day: 0 });
  });
});
