import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startProvider, type TestProvider } from "../harness.ts";
import { rulesOf } from "../rule.ts";
import { type AccountCredits, apiOf, KNOWN_DOMAIN, withMorePlans } from "./api.ts";

const rule = rulesOf("crustdata");
let provider: TestProvider;
before(async () => {
  provider = await startProvider("crustdata", withMorePlans);
});
after(() => provider.close());

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
