import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Exa, ExaError } from "exa-js";
import { Hono } from "hono";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const page = (index: number): object => ({
  id: `https://example.com/${index}`,
  url: `https://example.com/${index}`,
  title: "x",
});

const api = new Hono()
  .post("/search", async (c) => {
    const { numResults = 10 } = await c.req.json<{ numResults?: number }>();
    const results = Array.from({ length: numResults }, (_, index) => page(index));
    // What the upstream says of its own costs is nothing that customers are charged.
    return c.json({ requestId: "b1", results, costDollars: { total: 0.0001 } });
  })
  .post("/contents", async (c) => {
    const { urls } = await c.req.json<{ urls: string[] }>();
    return c.json({ requestId: "b2", results: urls.map((_, index) => page(index)) });
  });

const vendor = await startVendor("exa", api, {
  edit: (config) => config.replace("requests: 10, per: second", "requests: 3, per: day"),
});
const client = (key: string): Exa => new Exa(key, vendor.url);

describe("the npm package exa-js", () => {
  after(() => vendor.close());

  it("searches with its key in x-api-key, and reads what was charged in costDollars", async () => {
    const account = await vendor.openAccount({ dollars: 1 });
    const exa = client(account.key);
    const ten = await costOf(vendor, account, "dollars", async () => {
      const { costDollars, results } = await exa.search("farebox", { numResults: 10 });
      assert.equal(results.length, 10);
      assert.equal(costDollars?.total, 0.007);
    });
    assert.equal(ten, 0.007);
    const twelve = await costOf(vendor, account, "dollars", async () => {
      const { costDollars } = await exa.search("farebox", { numResults: 12 });
      assert.equal(costDollars?.total, 0.009);
    });
    assert.equal(twelve, 0.009);
    assert.equal(vendor.sent().headers["x-api-key"], account.key);
  });

  it("reads the contents of pages, each for its price", async () => {
    const account = await vendor.openAccount({ dollars: 1 });
    const cost = await costOf(vendor, account, "dollars", async () => {
      const { costDollars } = await client(account.key).getContents([
        "https://example.com/0",
        "https://example.com/1",
      ]);
      assert.equal(costDollars?.total, 0.002);
    });
    assert.equal(cost, 0.002);
  });

  it("throws its ExaError with the status and the text of each refusal", async () => {
    const account = await vendor.openAccount({ dollars: 0.001 });
    const ask = async (key: string): Promise<ExaError> => {
      const failure = await failureOf(vendor, account, "dollars", () => client(key).search("farebox"));
      assert.ok(failure instanceof ExaError);
      return failure;
    };
    const invalid = await ask("00000000-0000-4000-8000-000000000000");
    assert.deepEqual([invalid.statusCode, invalid.message], [401, "Invalid API key"]);
    const short = await ask(account.key);
    assert.equal(short.statusCode, 402);
    assert.match(short.message, /^You have exceeded your credits limit/);
    await ask(account.key);
    await ask(account.key);
    assert.equal((await ask(account.key)).statusCode, 429);
  });
});
