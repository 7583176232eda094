import assert from "node:assert/strict";
import https from "node:https";
import { after, describe, it } from "node:test";
import { Hono } from "hono";
import Hunter from "hunter.io";
import { costOf, failureOf, startVendor } from "./start-vendor.ts";

const api = new Hono()
  .get("/v2/email-finder/", (c) =>
    c.req.query("first_name") === "Ada"
      ? c.json({ data: { email: "ada@example.com", score: 97 } })
      : c.json({ errors: [{ id: "not_found", code: 404, details: "No such email" }] }, 404),
  )
  .get("/v2/domain-search/", (c) => {
    const count = Number(c.req.query("limit") ?? 10);
    const emails = Array.from({ length: count }, (_, index) => ({ value: `${index}@example.com` }));
    return c.json({ data: { domain: c.req.query("domain"), emails } });
  })
  .get("/v2/email-verifier/", (c) => {
    const email = c.req.query("email");
    return c.json({ data: { status: email === "nobody@example.com" ? "unknown" : "valid", email } });
  });

const vendor = await startVendor("hunter", api, {
  tls: true,
  edit: (config) => config.replace("requests: 15, per: second", "requests: 2, per: day"),
});

/** The answer of a call, or what it failed with. */
async function ask(
  key: string,
  call: (hunter: Hunter, done: Parameters<Hunter["account"]>[0]) => void,
): Promise<Readonly<Record<string, unknown>>> {
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  call(new Hunter(key), (error, answer) => (error === null ? resolve(answer.data) : reject(error)));
  return await promise;
}

describe("the npm package hunter.io", () => {
  // It knows only its vendor's address, and lets nobody choose the agent.
  https.globalAgent = vendor.agent;
  after(() => vendor.close());

  it("finds and verifies with its key in the query, each from its pool", async () => {
    const account = await vendor.openAccount({ searches: 10, verifications: 10 });
    const found = await costOf(vendor, account, "searches", async () => {
      const data = await ask(account.key, (hunter, done) =>
        hunter.emailFinder({ domain: "example.com", first_name: "Ada", last_name: "Lovelace" }, done),
      );
      assert.equal(data["email"], "ada@example.com");
    });
    assert.equal(found, 1);
    assert.match(vendor.sent().path, new RegExp(`[?&]api_key=${account.key}(&|$)`));
    assert.equal(
      vendor.forwarded().path,
      "/v2/email-finder/?domain=example.com&first_name=Ada&last_name=Lovelace",
    );
    const verified = await costOf(vendor, account, "verifications", () =>
      ask(account.key, (hunter, done) => hunter.emailVerifier("ada@example.com", done)),
    );
    assert.equal(verified, 1);
    const unknown = await costOf(vendor, account, "verifications", () =>
      ask(account.key, (hunter, done) => hunter.emailVerifier("nobody@example.com", done)),
    );
    assert.equal(unknown, 0);
  });

  it("searches domains: one for each begun ten addresses", async () => {
    const account = await vendor.openAccount({ searches: 10 });
    const search = (limit: number): Promise<number> =>
      costOf(vendor, account, "searches", () =>
        ask(account.key, (hunter, done) => hunter.domainSearch({ domain: "example.com", limit }, done)),
      );
    assert.deepEqual([await search(3), await search(12)], [1, 2]);
  });

  it("reads its account", async () => {
    const account = await vendor.openAccount({}, "starter");
    await ask(account.key, (hunter, done) => hunter.emailVerifier("ada@example.com", done));
    const { requests, plan_name } = await ask(account.key, (hunter, done) => hunter.account(done));
    assert.equal(plan_name, "starter");
    assert.deepEqual(requests, {
      searches: { used: 0, available: 500 },
      verifications: { used: 1, available: 1000 },
    });
  });

  it("hands over the errors of each refusal", async () => {
    const account = await vendor.openAccount({ searches: 0.5, verifications: 1 });
    const fail = async (key: string): Promise<unknown> => {
      const failure = await failureOf(vendor, account, "searches", () =>
        ask(key, (hunter, done) => hunter.emailFinder({ domain: "example.com", first_name: "Ada" }, done)),
      );
      const { errors } = failure as { errors: { id: string; code: number }[] };
      return errors.map(({ id, code }) => [id, code]);
    };
    assert.deepEqual(await fail("0".repeat(40)), [["authentication_failed", 401]]);
    assert.deepEqual(await fail(account.key), [["too_many_requests", 429]]);
    await fail(account.key);
    assert.deepEqual(await fail(account.key), [["forbidden", 403]]);
  });
});
