import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Hono } from "hono";
import proxycurl, { type Done, type Received } from "proxycurl-js-linkedin-profile-scraper";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const api = new Hono().get("/proxycurl/api/linkedin/profile/resolve/email", (c) =>
  c.req.query("work_email") === "ada@example.com"
    ? c.json({ url: "https://www.linkedin.com/in/ada" })
    : c.json({ code: 404, description: "Person profile does not exist", name: "Not Found" }, 404),
);

const vendor = await startVendor("enrichlayer", api, {
  edit: (config) => config.replace("requests: 300, per: minute", "requests: 2, per: day"),
});

function clientOf(key: string): object {
  const client = new proxycurl.ApiClient(`${vendor.url}/proxycurl`);
  client.authentications.BearerAuth.accessToken = key;
  return client;
}

async function ask(call: (done: Done) => void): Promise<{ data: Received["body"]; received: Received }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    data: Received["body"];
    received: Received;
  }>();
  call((error, data, received) => (error === null ? resolve({ data, received }) : reject(error)));
  return await promise;
}

const resolveEmail = (key: string, email: string) =>
  ask((done) => new proxycurl.ContactAPIApi(clientOf(key)).reverseWorkEmailLookupEndpoint(email, done));

describe("the npm package proxycurl-js-linkedin-profile-scraper", () => {
  after(() => vendor.close());

  it("resolves an address with a bearer key, and reads what it cost in a header", async () => {
    const account = await vendor.openAccount({ credits: 10 });
    const cost = await costOf(vendor, account, "credits", async () => {
      const { data, received } = await resolveEmail(account.key, "ada@example.com");
      assert.equal(data["url"], "https://www.linkedin.com/in/ada");
      assert.equal(received.headers["x-proxycurl-credit-cost"], "3");
    });
    assert.equal(cost, 3);
    assert.equal(vendor.sent().headers.authorization, `Bearer ${account.key}`);
    const { data } = await ask((done) =>
      new proxycurl.MetaAPIApi(clientOf(account.key)).viewCreditBalanceEndpoint(done),
    );
    assert.equal(data["credit_balance"] ?? data["creditBalance"], 7);
  });

  it("has an error with the status and the body of each refusal", async () => {
    const account = await vendor.openAccount({ credits: 2 });
    const fail = async (key: string): Promise<Received> => {
      const failure = await failureOf(vendor, account, "credits", () => resolveEmail(key, "ada@example.com"));
      assert.ok(failure instanceof Error && "response" in failure);
      return failure.response as Received;
    };
    const invalid = await fail("no-such-key");
    assert.deepEqual(
      [invalid.status, invalid.body],
      [401, { code: 401, description: "Invalid API Key", name: "Unauthorized" }],
    );
    const short = await fail(account.key);
    assert.equal(short.status, 403);
    assert.match(String(short.body["description"]), /^Not enough credits/);
    await fail(account.key);
    const fast = await fail(account.key);
    assert.equal(fast.status, 429);
    assert.match(fast.headers["retry-after"] ?? "", /^\d+$/);
  });
});
