import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Hono } from "hono";
import { config as clientConfig, getAccount, getJson, getJsonBySearchId } from "serpapi";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const found = {
  search_metadata: { id: "s1", status: "Success" },
  organic_results: [{ position: 1, title: "Farebox" }],
};

const api = new Hono().get("/search", (c) => c.json(found)).get("/searches/:id", (c) => c.json(found));

const vendor = await startVendor("serpapi", api, {
  tls: true,
  edit: (config) => config.replace("requests: 6000, per: hour", "requests: 2, per: hour"),
});

describe("the npm package serpapi", () => {
  clientConfig.requestOptions = { agent: vendor.agent };
  after(() => vendor.close());

  it("searches with its key in the query, and fetches an earlier search for nothing", async () => {
    const account = await vendor.openAccount({ searches: 10 });
    const [name, key] = ["api_key", account.key];
    const cost = await costOf(vendor, account, "searches", async () => {
      const { organic_results } = await getJson({ engine: "google", q: "coffee", [name]: key });
      assert.equal(organic_results?.[0]?.title, "Farebox");
    });
    assert.equal(cost, 1);
    assert.match(vendor.sent().path, new RegExp(`[?&]api_key=${key}(&|$)`));
    assert.match(vendor.forwarded().path, /^\/search\?engine=google&q=coffee&output=json&source=nodejs/);
    assert.equal(
      await costOf(vendor, account, "searches", () => getJsonBySearchId("s1", { [name]: key })),
      0,
    );
  });

  it("reads its account", async () => {
    const account = await vendor.openAccount({ searches: 5 }, "bigdata");
    const info = await getAccount({ api_key: account.key });
    assert.deepEqual(
      {
        plan: info.plan_name,
        month: info.searches_per_month,
        left: info.total_searches_left,
        extra: info.extra_credits,
      },
      { plan: "bigdata", month: 30_000, left: 30_005, extra: 5 },
    );
  });

  it("rejects with the body of each refusal, which says why", async () => {
    const account = await vendor.openAccount({ searches: 0.5 });
    // The client has no error class for answers: it rejects with the text that it was sent.
    const ask = async (key: string): Promise<string> => {
      const text = await failureOf(vendor, account, "searches", () =>
        getJson({ engine: "google", q: "coffee", api_key: key }),
      );
      return (JSON.parse(String(text)) as { error: string }).error;
    };
    assert.match(await ask("0".repeat(64)), /^Invalid API key/);
    assert.match(await ask(account.key), /^Your account has run out of searches/);
    await ask(account.key);
    assert.match(await ask(account.key), /limit of 2 searches per hour/);
    assert.equal(vendor.sent().status, 429);
  });
});
