import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { apiOf, KNOWN_DOMAIN, NOBODY, withMorePlans } from "./api.ts";

const rule = rulesOf("crustdata");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("crustdata", withMorePlans);
});
after(() => provider.close());

rule(
  "Check your remaining Crustdata API credit balance — and your recurring credit grant details — with free GET requests that consume no credits.",
  "twenty of each leave balance and ledger as they were",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const api = apiOf(provider.gateway, account);
    for (const call of [api.userCredits, api.accountCredits]) {
      for (let time = 0; time < 20; time += 1) {
        const { answer, cost, charges } = await observe(account, "credits", call);
        assert.deepEqual([answer.status, cost, charges.length], [200, 0, 0]);
      }
    }
  },
);

rule(
  "Use this endpoint to check your remaining API credit balance.",
  "it is what the ledger says",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    await api.search({ limit: 7 });
    const answer = await api.userCredits();
    assert.deepEqual(answer.json(), { credits: 99.79 });
    assert.equal(await account.balance("credits"), 99.79);
  },
);

rule(
  "Poll it to monitor usage and confirm you have enough credits before a large batch of requests.",
  "what it says is exactly what can be spent",
  async () => {
    const account = await provider.openAccount({ credits: 1 });
    const api = apiOf(provider.gateway, account);
    const { credits } = (await api.userCredits()).json<{ credits: number }>();
    let results = 0;
    for (;;) {
      const answer = await api.search({ limit: 11 });
      if (answer.status !== 200) break;
      results += answer.json<{ companies: unknown[] }>().companies.length;
      const left = (await api.userCredits()).json<{ credits: number }>();
      assert.equal(left.credits, Math.round((credits - results * 0.03) * 100) / 100);
    }
    assert.equal(results, 33);
    assert.deepEqual((await api.userCredits()).json(), { credits: 0.01 });
  },
);

rule(
  "This endpoint is **free** — checking your balance does not consume any credits.",
  "it works with an empty pool too",
  async () => {
    const account = await provider.openAccount({});
    const answer = await apiOf(provider.gateway, account).userCredits();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, `{"credits":0}`);
  },
);

rule(
  "It takes no query parameters or request body.",
  "and it is answered by the gateway, not by the upstream",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const asked = provider.recorder.exchanges.length;
    const answer = await apiOf(provider.gateway, account).userCredits();
    assert.equal(answer.text, `{"credits":10}`);
    assert.match(answer.headers["content-type"] ?? "", /^application\/json\b/);
    assert.equal(provider.recorder.exchanges.length, asked);
  },
);

rule(
  "Authenticate with your API key in the `Authorization` header.",
  "Bearer, and nowhere else",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const read = async (headers: Record<string, string>): Promise<number> =>
      (await send(provider.gateway, "/user/credits", { headers })).status;
    assert.equal(await read({ authorization: `Bearer ${account.key}` }), 200);
    assert.equal(await read({ Authorization: `bearer ${account.key}` }), 200);
    assert.equal(await read({ "x-api-key": account.key }), 401);
    assert.equal((await send(provider.gateway, `/user/credits?api_key=${account.key}`)).status, 401);
  },
);

rule(`{ "credits": 9406 }`, "the example's number, to the byte", async () => {
  const account = await provider.openAccount({ credits: 9406 });
  const answer = await apiOf(provider.gateway, account).userCredits();
  assert.equal(answer.text, `{"credits":9406}`);
});

rule(
  "| `credits` | number | Remaining API credits on your account. May be fractional for some plans. |",
  "a plain number without rounding, down to a millionth",
  async () => {
    for (const [amount, text] of [
      [9406.5, "9406.5"],
      [0.03, "0.03"],
      [0.000001, "0.000001"],
      [123456789.123456, "123456789.123456"],
    ] as const) {
      const account = await provider.openAccount({ credits: amount });
      const answer = await apiOf(provider.gateway, account).userCredits();
      assert.equal(answer.text, `{"credits":${text}}`);
    }
  },
);

rule(
  '| `401` | `{ "message": "Missing API key in request" }` | No `Authorization` header. |',
  "on the balance and on priced endpoints",
  async () => {
    for (const path of ["/user/credits", "/account/credits", "/company/search"]) {
      const answer = await send(provider.gateway, path, {
        method: path === "/company/search" ? "POST" : "GET",
      });
      assert.equal(answer.status, 401);
      assert.deepEqual(answer.json(), { message: "Missing API key in request" });
    }
  },
);

rule(
  '| `401` | `{ "message": "Invalid API key in request" }` | `Authorization` header carries an invalid key. |',
  "unknown, misspelt and revoked keys look alike",
  async () => {
    const account = await provider.openAccount({ credits: 10 });
    const revoked = await account.addKey();
    assert.equal((await apiOf(provider.gateway, revoked).userCredits()).status, 200);
    await account.revoke(revoked.id);
    const deadline = Date.now() + 5000;
    while ((await apiOf(provider.gateway, revoked).userCredits()).status === 200) {
      assert.ok(Date.now() < deadline, "revocation takes effect within 5 s");
      // Asking is rate limited, so it is asked ten times a second.
      await wait(100);
    }
    const misspelt = `${account.key.slice(0, -1)}${account.key.endsWith("0") ? "1" : "0"}`;
    const asked = provider.recorder.exchanges.length;
    for (const key of ["nonsense", misspelt, revoked.key]) {
      for (const call of [
        apiOf(provider.gateway, { key }).userCredits,
        () => apiOf(provider.gateway, { key }).search({}),
      ]) {
        const answer = await call();
        assert.equal(answer.status, 401);
        assert.deepEqual(answer.json(), { message: "Invalid API key in request" });
      }
    }
    assert.equal(provider.recorder.exchanges.length, asked);
  },
);

rule(
  "For how credits are charged per endpoint, see [Pricing](/general/pricing).",
  "0.03 per company found, nothing for none",
  async () => {
    const account = await provider.openAccount({ credits: 100 });
    const api = apiOf(provider.gateway, account);
    for (const [body, cost] of [
      [{ limit: 1 }, 0.03],
      [{}, 0.6],
      [{ limit: 1000 }, 30],
      [{ filters: { field: "basic_info.primary_domain", type: "=", value: KNOWN_DOMAIN } }, 0.03],
      [{ filters: NOBODY }, 0],
    ] as const) {
      const effect = await observe(account, "credits", () => api.search(body));
      const found = effect.answer.json<{ companies: unknown[] }>().companies.length;
      assert.deepEqual([effect.answer.status, effect.cost], [200, cost]);
      assert.equal(effect.charges.length, cost === 0 ? 0 : 1);
      if (cost > 0) assert.equal(effect.charges[0]?.units, found);
    }
  },
);

rule(
  "**Avoid 429s** — review [Rate limits](/general/rate-limits) when polling at scale.",
  "the limit's state is on accepted requests too, and goes down",
  async () => {
    const api = apiOf(provider.gateway, await provider.openAccount({}));
    for (const remaining of ["299", "298", "297"]) {
      const answer = await api.userCredits();
      assert.equal(answer.headers["x-ratelimit-limit"], "300");
      assert.equal(answer.headers["x-ratelimit-remaining"], remaining);
      assert.match(String(answer.headers["x-ratelimit-reset"]), /^\d{1,2}$/);
    }
  },
);
