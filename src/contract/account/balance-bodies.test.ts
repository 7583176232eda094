import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Credits } from "../../domain/credits.ts";
import { ownContract, ownProblems } from "../testing/own-contract.ts";
import type { AccountFacts, BalanceFacts, GrantFacts } from "./account-state.ts";

const nowMs = Date.parse("2026-07-15T12:00:00Z");
const context = { requestId: "r", endpoint: undefined, nowMs };
const credits = (whole: number): Credits => BigInt(whole) * 1_000_000n;

function grant(source: string, amount: number, remaining: number, expires: string | null = null): GrantFacts {
  return {
    grantId: `grt_${source}`,
    source,
    amount: credits(amount),
    remaining: credits(remaining),
    grantedAt: new Date("2026-07-01T00:00:00Z"),
    expiresAt: expires === null ? null : new Date(expires),
  };
}

function pool(creditType: string, grants: readonly GrantFacts[], used = 0): BalanceFacts {
  return {
    creditType,
    balance: grants.reduce((sum, { remaining }) => sum + remaining, 0n),
    held: 0n,
    lifetime: credits(24_042),
    used: credits(used),
    grants,
    recurring: {
      amount: credits(30_000),
      every: "month",
      startedAt: new Date("2026-07-01T00:00:00Z"),
      nextAt: new Date("2026-08-01T00:00:00Z"),
      rollover: false,
    },
  };
}

const account: AccountFacts = {
  accountId: "acc_1",
  name: "Acme",
  plan: "bigdata",
  metadata: { email: "demo@example.com", seats: 5, tags: ["a"] },
};

function show(body: string, pools: readonly BalanceFacts[]): unknown {
  const contract = ownContract(`endpoints: [{ match: GET /account, answers: balances, body: ${body} }]`);
  const endpoint = contract.findEndpoint("GET", "/account")?.endpoint;
  assert.ok(endpoint?.name === "balances");
  return JSON.parse(endpoint.render({ at: nowMs, pools, account }, context).body) as unknown;
}

function needsOf(body: string) {
  const contract = ownContract(`endpoints: [{ match: GET /account, answers: balances, body: ${body} }]`);
  const endpoint = contract.findEndpoint("GET", "/account")?.endpoint;
  assert.ok(endpoint?.name === "balances");
  return endpoint.needs;
}

describe("a body of balances", () => {
  const searches = pool("searches", [grant("recurring", 30_000, 5_958), grant("topup", 500, 120)], 24_042);

  it("shows the plan, what is left of it and of what was bought, what was used, and whose it is", () => {
    assert.deepEqual(
      show(
        `{ id: "\${accountId}", email: "\${metadata.email}", seats: "\${metadata.seats}", tags: "\${metadata.tags}",
           none: "\${metadata.none}", plan: "\${plan}", month: "\${recurring}", plan_left: "\${planLeft}",
           extra: "\${extraLeft}", bought: "\${purchased}", left: "\${balance}", used: "\${used}", ever: "\${lifetime}",
           overages: 0 }`,
        [searches],
      ),
      {
        id: "acc_1",
        email: "demo@example.com",
        seats: 5,
        tags: null,
        none: null,
        plan: "bigdata",
        month: 30_000,
        plan_left: 5_958,
        extra: 120,
        bought: 500,
        left: 6_078,
        used: 24_042,
        ever: 24_042,
        overages: 0,
      },
    );
  });

  it("shows several pools by their names, wherever they stand", () => {
    const verifications = pool("verifications", [grant("recurring", 100, 90)], 10);
    assert.deepEqual(
      show(
        `{ data: { reset_date: "\${refreshDate}", requests: {
             searches: { used: "\${pools.searches.used}", available: "\${pools.searches.balance}" },
             verifications: { used: "\${pools.verifications.used}", available: "\${pools.verifications.balance}" },
             other: "\${pools.other.balance}" } } }`,
        [searches, verifications],
      ),
      {
        data: {
          reset_date: "2026-08-01",
          requests: {
            searches: { used: 24_042, available: 6_078 },
            verifications: { used: 10, available: 90 },
            other: 0,
          },
        },
      },
    );
  });

  it("shows when the period began and ends: the month of UTC without a plan", () => {
    const body = '{ from: "${periodStartIso}", to: "${periodEndDate}", refresh: "${refreshDate}" }';
    assert.deepEqual(show(body, [searches]), {
      from: "2026-07-01T00:00:00Z",
      to: "2026-08-01",
      refresh: "2026-08-01",
    });
    assert.deepEqual(show(body, [{ ...searches, recurring: undefined }]), {
      from: "2026-07-01T00:00:00Z",
      to: "2026-08-01",
      refresh: null,
    });
  });

  it("lists grants in the contract's words, the one that expires soonest first, and leaves an empty list out", () => {
    const body = `{ account: { credits: "\${balance}", credit_topups: {
      $eachGrant: { origin: "\${source}", original: "\${amount}", remaining: "\${remaining}", expires: "\${expiresIsoOffset}" },
      $sources: { topup: purchase, promo: granted }, $empty: absent } } }`;
    const grants = [
      grant("topup", 10, 4),
      grant("recurring", 9, 9),
      grant("promo", 8, 8, "2026-09-01T00:00:00Z"),
      grant("topup", 7, 7, "2026-08-01T00:00:00Z"),
    ];
    assert.deepEqual(show(body, [pool("credits", grants)]), {
      account: {
        credits: 28,
        credit_topups: [
          { origin: "purchase", original: 7, remaining: 7, expires: "2026-08-01T00:00:00+00:00" },
          { origin: "granted", original: 8, remaining: 8, expires: "2026-09-01T00:00:00+00:00" },
          { origin: "purchase", original: 10, remaining: 4, expires: null },
        ],
      },
    });
    assert.deepEqual(show(body, [pool("credits", [grant("recurring", 9, 9)])]), { account: { credits: 9 } });
    const expiring = body.replace("$empty:", "$only: expiring, $empty:");
    assert.deepEqual(show(expiring, [pool("credits", [grant("topup", 10, 4)])]), { account: { credits: 4 } });
    const listed = body.replace(", $empty: absent", "");
    assert.deepEqual(show(listed, []), { account: { credits: 0, credit_topups: [] } });
  });

  it("lists the grants of each pool", () => {
    const body =
      '{ pools: { $eachPool: { type: "${creditType}", grants: { $eachGrant: "${remaining}" } } } }';
    assert.deepEqual(show(body, [searches]), { pools: [{ type: "searches", grants: [5_958, 120] }] });
  });

  it("asks for no more than it shows", () => {
    assert.deepEqual(needsOf('{ a: "${balance}" }'), { pools: true, used: false, account: false });
    assert.deepEqual(needsOf('{ a: "${pools.b.used}" }'), { pools: true, used: true, account: false });
    assert.deepEqual(needsOf('{ a: "${plan}" }'), { pools: false, used: false, account: true });
    assert.deepEqual(needsOf("{ a: { $eachGrant: {} } }"), { pools: true, used: false, account: false });
  });

  it("is refused where it says what nobody knows", () => {
    const problems = (body: string): readonly string[] =>
      ownProblems(`endpoints: [{ match: GET /account, answers: balances, body: ${body} }]`).map(
        ({ path, reason }) => `${path.replace("endpoints[0].", "")}: ${reason}`,
      );
    assert.deepEqual(problems('{ a: "${pools.search.nothing}", b: "${pools.search}", c: "${metadata.*}" }'), [
      "body.a: unknown placeholder ${pools.search.nothing}",
      "body.b: unknown placeholder ${pools.search}",
      "body.c: unknown placeholder ${metadata.*}",
    ]);
    assert.deepEqual(
      problems("{ a: { $eachGrant: {}, $source: { topup: x } }, b: { $eachPool: {}, $empty: absent } }"),
      ['body.a["$source"]: $eachGrant takes no "$source"', 'body.b["$empty"]: $eachPool takes no "$empty"'],
    );
    assert.deepEqual(problems("{ a: { $eachGrant: {}, $sources: { bought: x }, $empty: gone } }"), [
      'body.a["$sources"]: does not give words to sources of grants',
      'body.a["$empty"]: "gone" is not known here',
    ]);
  });
});
