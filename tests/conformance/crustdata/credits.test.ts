import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { observe } from "../account.ts";
import { send } from "../call.ts";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { type AccountCredits, apiOf, KNOWN_DOMAIN, NOBODY } from "./api.ts";

const rule = rulesOf("crustdata");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("crustdata", (config) =>
    config.replace(
      /plans:\n/,
      "plans:\n  weekly: { recurring: { credits: 50.5, every: week, rollover: false } }\n  topup: {}\n",
    ),
  );
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
  "For more than the bare balance, use the account credits endpoint.",
  "both say the same balance",
  async () => {
    const account = await provider.openAccount({ credits: 9406.5 });
    const api = apiOf(provider.gateway, account);
    const { credits } = (await api.userCredits()).json<{ credits: number }>();
    assert.equal((await api.accountCredits()).json<AccountCredits>().account.credits, credits);
  },
);

rule(
  "It adds your recurring credit grant: how many credits you receive each cycle, how often, when the next refresh lands, and whether unused credits roll over.",
  "members, their order and their spelling as in the example",
  async () => {
    const account = await provider.openAccount({}, "growth");
    const answer = await apiOf(provider.gateway, account).accountCredits();
    const { account: shown } = answer.json<AccountCredits>();
    const refresh = shown.recurring_credits_refresh_date ?? "";
    assert.equal(
      answer.text,
      `{"account":{"credits":10000,"recurring_credits":10000,"recurring_credits_frequency":"monthly",` +
        `"recurring_credits_refresh_date":"${refresh}","credit_rollover":true}}`,
    );
    assert.match(refresh, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
    const days = (Date.parse(refresh) - Date.now()) / 86_400_000;
    assert.ok(days > 27 && days <= 31, `${days} days until the refresh`);
  },
);

rule(
  "Like `/user/credits`, it is **free**, takes no parameters, and is rate limited to 300 requests per minute.",
  "the 301st within a minute is a 429, free, and each endpoint has a limit of its own",
  async () => {
    for (const [read, other] of [
      ["userCredits", "accountCredits"],
      ["accountCredits", "userCredits"],
    ] as const) {
      const account = await provider.openAccount({ credits: 10 });
      const api = apiOf(provider.gateway, account);
      const statuses: number[] = [];
      for (let batch = 0; batch < 10; batch += 1) {
        const answers = await Promise.all(Array.from({ length: 30 }, api[read]));
        statuses.push(...answers.map((answer) => answer.status));
      }
      assert.ok(statuses.every((status) => status === 200));
      const refused = await api[read]();
      assert.equal(refused.status, 429);
      assert.equal(refused.headers["x-ratelimit-limit"], "300");
      assert.equal(refused.headers["x-ratelimit-remaining"], "0");
      const reset = Number(refused.headers["x-ratelimit-reset"]);
      assert.ok(reset > 0 && reset <= 60, `reset in ${reset} seconds`);
      assert.equal((await api[other]()).status, 200);
      assert.equal(await account.balance("credits"), 10);
    }
  },
);

rule(
  "| `account.credits` | number | Remaining API credits on your account — the shared pool all your API keys draw from. |",
  "what one key spends, the other no longer has",
  async () => {
    const account = await provider.openAccount({ credits: 5 });
    const second = await account.addKey();
    const [one, other] = [apiOf(provider.gateway, account), apiOf(provider.gateway, second)];
    assert.equal((await one.enrich({ domains: [KNOWN_DOMAIN] })).status, 200);
    assert.equal((await other.accountCredits()).json<AccountCredits>().account.credits, 3);
    assert.equal((await other.enrich({ domains: [KNOWN_DOMAIN] })).status, 200);
    assert.equal((await one.enrich({ domains: [KNOWN_DOMAIN] })).status, 402);
    assert.deepEqual((await one.userCredits()).json(), { credits: 1 });
    const keys = (await account.entries("credits")).filter((entry) => entry.kind === "charge");
    assert.equal(keys[1]?.key, second.id);
    assert.notEqual(keys[0]?.key, second.id);
  },
);

rule(
  "| `account.recurring_credits` | number | Credits granted each billing cycle. `0` if your plan has no recurring grant. |",
  "with a fraction, and 0 with a plan that has none and without a plan",
  async () => {
    for (const [plan, amount] of [
      ["weekly", 50.5],
      ["topup", 0],
      [undefined, 0],
    ] as const) {
      const account = await provider.openAccount({ credits: 1 }, plan);
      const { account: shown } = (
        await apiOf(provider.gateway, account).accountCredits()
      ).json<AccountCredits>();
      assert.equal(shown.recurring_credits, amount);
      assert.equal(shown.credits, 1 + amount);
    }
  },
);

rule(
  "| `account.recurring_credits_frequency` | string \\| null | Grant cadence (for example `monthly`). `null` if no recurring grant. |",
  "monthly, weekly, null",
  async () => {
    for (const [plan, frequency] of [
      ["growth", "monthly"],
      ["weekly", "weekly"],
      ["topup", null],
    ] as const) {
      const account = await provider.openAccount({ credits: 1 }, plan);
      const { account: shown } = (
        await apiOf(provider.gateway, account).accountCredits()
      ).json<AccountCredits>();
      assert.equal(shown.recurring_credits_frequency, frequency);
    }
  },
);

rule(
  "| `account.recurring_credits_refresh_date` | string \\| null | ISO timestamp of the next grant refresh. `null` if no recurring grant. |",
  "a week after a weekly plan began; null without",
  async () => {
    const weekly = await provider.openAccount({}, "weekly");
    const shown = (await apiOf(provider.gateway, weekly).accountCredits()).json<AccountCredits>();
    const refresh = Date.parse(shown.account.recurring_credits_refresh_date ?? "");
    const days = (refresh - Date.now()) / 86_400_000;
    assert.ok(days > 6.9 && days <= 7, `${days} days`);
    const none = await provider.openAccount({ credits: 1 });
    const bare = await apiOf(provider.gateway, none).accountCredits();
    assert.equal(
      bare.text,
      `{"account":{"credits":1,"recurring_credits":0,"recurring_credits_frequency":null,` +
        `"recurring_credits_refresh_date":null,"credit_rollover":false}}`,
    );
  },
);

/** The five members as they are on the wire, in order. */
function accountText(
  credits: number,
  recurring: number,
  frequency: string | null,
  refresh: string | null,
  rollover: boolean,
): string {
  const [shownFrequency, shownRefresh] = [JSON.stringify(frequency), JSON.stringify(refresh)];
  return (
    `{"account":{"credits":${credits},"recurring_credits":${recurring},"recurring_credits_frequency":${shownFrequency},` +
    `"recurring_credits_refresh_date":${shownRefresh},"credit_rollover":${rollover}}}`
  );
}

rule(
  "It adds your recurring credit grant: how many credits you receive each cycle, how often, when the next refresh lands, and whether unused credits roll over.",
  "before a plan, with it, after a change, and after a cancellation",
  async () => {
    const account = await provider.openAccount({ credits: 3 });
    const read = async (): Promise<string> => (await apiOf(provider.gateway, account).accountCredits()).text;
    assert.equal(await read(), accountText(3, 0, null, null, false));
    const anchorAt = new Date(Date.now() - 2 * 86_400_000);
    anchorAt.setUTCMilliseconds(0);
    await account.changePlan("weekly", { anchorAt });
    const refresh = `${new Date(anchorAt.getTime() + 7 * 86_400_000).toISOString().slice(0, 19)}+00:00`;
    assert.equal(await read(), accountText(53.5, 50.5, "weekly", refresh, false));
    // At the refresh: until then the plan is what it was, and that refresh is the next plan's first.
    await account.changePlan("growth", { when: "refresh" });
    assert.equal(await read(), accountText(53.5, 50.5, "weekly", refresh, false));
    await account.changePlan("growth");
    const grown = JSON.parse(await read()) as AccountCredits;
    const monthly = grown.account.recurring_credits_refresh_date;
    assert.equal(await read(), accountText(10053.5, 10000, "monthly", monthly, true));
    assert.ok(Date.parse(monthly ?? "") > Date.now() + 27 * 86_400_000);
    await account.changePlan(undefined);
    assert.equal(await read(), accountText(10053.5, 0, null, null, false));
  },
);

rule(
  "| `account.recurring_credits_refresh_date` | string \\| null | ISO timestamp of the next grant refresh. `null` if no recurring grant. |",
  "cancelled at the refresh: null from then on, and no recurring grant once the moment has come",
  async () => {
    const account = await provider.openAccount({ credits: 3 });
    const read = async (): Promise<string> => (await apiOf(provider.gateway, account).accountCredits()).text;
    // Its week ends in a few seconds.
    const end = Math.ceil(Date.now() / 1000) * 1000 + 3000;
    await account.changePlan("weekly", { anchorAt: new Date(end - 7 * 86_400_000) });
    const shown = `${new Date(end).toISOString().slice(0, 19)}+00:00`;
    assert.equal(await read(), accountText(53.5, 50.5, "weekly", shown, false));
    await account.changePlan(undefined, { when: "refresh" });
    assert.equal(await read(), accountText(53.5, 50.5, "weekly", null, false));
    while (Date.now() < end) await wait(end - Date.now());
    assert.equal(await read(), accountText(3, 0, null, null, false));
    // The sweep writes what readers have counted already.
    const deadline = Date.now() + 10_000;
    while ((await account.entries("credits")).at(-1)?.kind !== "expiry") {
      assert.ok(Date.now() < deadline, "the week's rest expires");
      await wait(100);
    }
    assert.equal(await account.balance("credits"), 3);
  },
);

rule(
  "| `account.credit_rollover` | boolean | Whether unused recurring credits carry into the next cycle. |",
  "as the plan says",
  async () => {
    for (const [plan, rollover] of [
      ["growth", true],
      ["weekly", false],
    ] as const) {
      const account = await provider.openAccount({}, plan);
      const { account: shown } = (
        await apiOf(provider.gateway, account).accountCredits()
      ).json<AccountCredits>();
      assert.equal(shown.credit_rollover, rollover);
    }
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
