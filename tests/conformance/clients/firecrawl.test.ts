import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Firecrawl, SdkError } from "firecrawl";
import { Hono } from "hono";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const api = new Hono()
  .post("/v2/scrape", (c) =>
    c.json({
      success: true,
      data: { markdown: "# Example", json: { title: "Example" }, metadata: { statusCode: 200 } },
    }),
  )
  .post("/v2/search", async (c) => {
    const { limit } = await c.req.json<{ limit?: number }>();
    const web = Array.from({ length: limit ?? 5 }, (_, index) => ({
      url: `https://example.com/${index}`,
      title: "x",
    }));
    return c.json({ success: true, data: { web } });
  });

const vendor = await startVendor("firecrawl", api, {
  edit: (config) => `${config}limits:\n  - { match: POST /v2/scrape, requests: 2, per: day }\n`,
});
const client = (apiKey: string): Firecrawl => new Firecrawl({ apiKey, apiUrl: vendor.url });

describe("the npm package firecrawl", () => {
  after(() => vendor.close());

  it("scrapes with a bearer key: a credit, and four more for JSON", async () => {
    const account = await vendor.openAccount({ credits: 20 });
    const firecrawl = client(account.key);
    const plain = await costOf(vendor, account, "credits", async () => {
      const page = await firecrawl.scrape("https://example.com", { formats: ["markdown"] });
      assert.equal(page.markdown, "# Example");
    });
    assert.equal(plain, 1);
    assert.equal(vendor.sent().headers.authorization, `Bearer ${account.key}`);
    const json = await costOf(vendor, account, "credits", () =>
      firecrawl.scrape("https://example.com", { formats: [{ type: "json", prompt: "the title" }] }),
    );
    assert.equal(json, 5);
  });

  it("searches for two credits for each ten results that are begun, and reads the team's credits", async () => {
    const account = await vendor.openAccount({}, "hobby");
    const firecrawl = client(account.key);
    const cost = await costOf(vendor, account, "credits", async () => {
      const found = await firecrawl.search("farebox", { limit: 12 });
      assert.equal(found.web?.length, 12);
    });
    assert.equal(cost, 4);
    const usage = await firecrawl.getCreditUsage();
    assert.equal(usage.remainingCredits, 2996);
    assert.equal(usage.planCredits, 3000);
    const [start, end] = [usage.billingPeriodStart, usage.billingPeriodEnd].map((at) => Date.parse(at ?? ""));
    assert.ok(start !== undefined && end !== undefined && start < end);
  });

  it("throws its SdkError with the status and the text of each refusal", async () => {
    const account = await vendor.openAccount({ credits: 0.5 });
    const ask = async (key: string): Promise<SdkError> => {
      const failure = await failureOf(vendor, account, "credits", () =>
        client(key).scrape("https://example.com"),
      );
      assert.ok(failure instanceof SdkError);
      return failure;
    };
    const invalid = await ask(`fc-${"0".repeat(32)}`);
    assert.deepEqual([invalid.status, invalid.message], [401, "Unauthorized: Invalid token"]);
    const short = await ask(account.key);
    assert.equal(short.status, 402);
    assert.match(short.message, /^Insufficient credits to perform this request/);
    await ask(account.key);
    const fast = await ask(account.key);
    assert.equal(fast.status, 429);
    assert.match(fast.message, /^Rate limit exceeded/);
  });
});
