import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AccountState, BalanceFacts } from "./account/account-state.ts";
import type { SettledFacts } from "./contract.ts";
import { loadContract } from "./load-contract.ts";

/** What the vendors' documents show, of the contracts that have no example provider. */

const nowMs = Date.parse("2025-01-15T12:00:00Z");
const context = { requestId: "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", endpoint: undefined, nowMs };
const credits = (whole: number): bigint => BigInt(Math.round(whole * 1_000_000));

function pool(creditType: string, left: number, used: number, month: number): BalanceFacts {
  return {
    creditType,
    balance: credits(left),
    held: 0n,
    lifetime: credits(used),
    used: credits(used),
    grants: [
      {
        grantId: "grt_1",
        source: "recurring",
        amount: credits(month),
        remaining: credits(left),
        grantedAt: new Date(nowMs),
        expiresAt: null,
      },
    ],
    recurring: {
      amount: credits(month),
      every: "month",
      startedAt: new Date("2025-01-01T00:00:00Z"),
      nextAt: new Date("2025-02-01T00:00:00Z"),
      rollover: false,
    },
  };
}

function stateOf(plan: string, pools: readonly BalanceFacts[]): AccountState {
  const metadata = { email: "demo@example.com", first_name: "Ada", last_name: "L" };
  return { at: nowMs, pools, account: { accountId: "acc_1", name: "Acme", plan, metadata } };
}

function show(contract: string, path: string, state: AccountState): unknown {
  const endpoint = loadContract(contract).findEndpoint("GET", path)?.endpoint;
  assert.ok(endpoint?.name === "balances");
  return JSON.parse(endpoint.render(state, context).body) as unknown;
}

describe("balances as the vendors' documents show them", () => {
  it("SerpApi: the plan, what is left of it, and what was used this month", () => {
    const account = {
      account_id: "acc_1",
      account_email: "demo@example.com",
      plan_id: "bigdata",
      plan_name: "bigdata",
      searches_per_month: 30_000,
      plan_searches_left: 5_958,
      extra_credits: 0,
      total_searches_left: 5_958,
      this_month_usage: 24_042,
    };
    for (const path of ["/account", "/account.json"]) {
      assert.deepEqual(
        show("serpapi", path, stateOf("bigdata", [pool("searches", 5_958, 24_042, 30_000)])),
        account,
      );
    }
  });

  it("Firecrawl: remaining credits, the plan's, and the billing period, in the spelling of each version", () => {
    const state = stateOf("growth", [pool("credits", 1_000, 499_000, 500_000)]);
    assert.deepEqual(show("firecrawl", "/v2/team/credit-usage", state), {
      success: true,
      data: {
        remainingCredits: 1_000,
        planCredits: 500_000,
        billingPeriodStart: "2025-01-01T00:00:00Z",
        billingPeriodEnd: "2025-02-01T00:00:00Z",
      },
    });
    assert.deepEqual(
      Object.keys((show("firecrawl", "/v1/team/credit-usage", state) as { data: object }).data),
      ["remaining_credits", "plan_credits", "billing_period_start", "billing_period_end"],
    );
  });

  it("Hunter: two named pools, and the day of the reset", () => {
    const pools = [pool("searches", 360, 140, 500), pool("verifications", 920, 80, 1_000)];
    assert.deepEqual(show("hunter", "/v2/account", stateOf("Starter", pools)), {
      data: {
        first_name: "Ada",
        last_name: "L",
        email: "demo@example.com",
        plan_name: "Starter",
        reset_date: "2025-02-01",
        requests: {
          searches: { used: 140, available: 500 },
          verifications: { used: 80, available: 1_000 },
        },
      },
    });
  });

  it("Enrich Layer and Proxycurl: the credit balance under both paths", () => {
    const state = stateOf("x", [pool("credits", 100_000, 0, 100_000)]);
    for (const path of ["/api/v2/credit-balance", "/proxycurl/api/credit-balance"]) {
      assert.deepEqual(show("enrichlayer", path, state), { credit_balance: 100_000 });
    }
  });
});

describe("People Data Labs' headers", () => {
  it("tell the account's state on every answer, charged or not", () => {
    const contract = loadContract("peopledatalabs");
    const facts: SettledFacts = {
      creditType: "enrichment",
      charged: credits(1),
      balance: credits(99),
      units: 1,
      state: stateOf("pro", [pool("enrichment", 99, 901, 1_000)]),
    };
    const expected = (spent: string): object => ({
      "X-Call-Credits-Spent": spent,
      "X-Call-Credits-Type": "enrichment",
      "X-TotalLimit-Remaining": "99",
      "X-TotalLimit-Purchased-Remaining": "99",
      "X-TotalLimit-Overages-Remaining": "0",
      "X-Lifetime-Used": "901",
    });
    assert.deepEqual(Object.fromEntries(contract.renderSettled(facts)), expected("1"));
    assert.deepEqual(Object.fromEntries(contract.renderAnswered({ ...facts, charged: 0n })), expected("0"));
    // What the vendor's own package does with them.
    const [, remaining = ""] =
      contract
        .renderRateLimit({ limit: 100, remaining: 99, windowSeconds: 60, resetSeconds: 30 }, context)
        .find(([name]) => name === "X-RateLimit-Remaining") ?? [];
    assert.deepEqual(JSON.parse(remaining.replaceAll("'", '"')), { minute: 99 });
  });
});
