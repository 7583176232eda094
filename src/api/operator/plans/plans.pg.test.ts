import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { publishPlans } from "../../../ledger/plans/plans.ts";
import { assertSound } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: plans", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    await database.transaction((tx) =>
      publishPlans(tx, [
        {
          name: "growth",
          recurring: [
            { creditType: "credits", amount: 10_500_000n, every: "month", rollover: 5_000_000n },
            { creditType: "search", amount: 1_000_000n, every: "day", rollover: "none", anchor: "calendar" },
          ],
          limits: [{ match: "GET /x", requests: 7, windowSeconds: 60, by: "key" }],
          caps: [{ creditType: "search", day: 500_000n, month: null, total: 9_000_000n }],
        },
        {
          name: "starter",
          recurring: [{ creditType: "credits", amount: 1_000_000n, every: "month", rollover: "all" }],
        },
      ]),
    );
  });

  const balanceOf = async (account: string, creditType = "credits"): Promise<number | undefined> => {
    const { body } = await operator.get(`/v1/accounts/${account}/balances`);
    const pools: readonly { creditType: string; balance: number }[] = body.pools;
    return pools.find((pool) => pool.creditType === creditType)?.balance;
  };

  test("GET /v1/plans shows what each plan grants, limits and caps, its version and how many accounts have it", async () => {
    await operator.post("/v1/accounts", { name: "Acme", plan: "growth" });
    const { status, body } = await operator.get("/v1/plans");
    assert.equal(status, 200);
    assert.deepEqual(body.plans, [
      {
        name: "growth",
        version: 1,
        accounts: 1,
        recurring: [
          { creditType: "credits", amount: 10.5, every: "month", rollover: 5, anchor: "assignment" },
          { creditType: "search", amount: 1, every: "day", rollover: "none", anchor: "calendar" },
        ],
        limits: [{ match: "GET /x", requests: 7, counts: "requests", windowSeconds: 60, by: "key" }],
        caps: [{ creditType: "search", day: 0.5, month: null, total: 9 }],
      },
      {
        name: "starter",
        version: 1,
        accounts: 0,
        recurring: [
          { creditType: "credits", amount: 1, every: "month", rollover: "all", anchor: "assignment" },
        ],
        limits: [],
        caps: [],
      },
    ]);
  });

  test("a plan is assigned, its change is planned, withdrawn and cancelled, each with a line in the audit trail", async () => {
    const account = await operator.account();
    const path = `/v1/accounts/${account}/plan`;
    const assigned = await operator.post(path, { plan: "growth" });
    assert.equal(assigned.status, 200);
    assert.partialDeepStrictEqual(assigned.body, {
      id: account,
      plan: "growth",
      nextPlan: null,
      nextPlanAt: null,
    });
    assert.deepEqual([await balanceOf(account), await balanceOf(account, "search")], [10.5, 1]);
    const planned = await operator.post(path, { plan: "starter", when: "refresh" });
    assert.partialDeepStrictEqual(planned.body, { plan: "growth", nextPlan: "starter" });
    assert.deepEqual((await operator.get(`/v1/accounts/${account}`)).body, planned.body);
    const { body } = await operator.get(`/v1/accounts/${account}/balances`);
    assert.equal(body.pools[0].recurring.nextAt, planned.body.nextPlanAt);
    assert.deepEqual((await operator.send("POST", `${path}/keep`)).body, assigned.body);
    const again = await operator.send("POST", `${path}/keep`);
    assert.deepEqual([again.status, again.body.code], [409, "plan_change_unknown"]);
    const ending = await operator.post(`${path}/cancel`, { when: "refresh" });
    assert.partialDeepStrictEqual(ending.body, {
      plan: "growth",
      nextPlan: null,
      nextPlanAt: planned.body.nextPlanAt,
    });
    const last = await operator.get(`/v1/accounts/${account}/balances`);
    assert.partialDeepStrictEqual(last.body.pools[0].recurring, { amount: 10.5, nextAt: null });
    const cancelled = await operator.send("POST", `${path}/cancel`);
    assert.partialDeepStrictEqual(cancelled.body, { plan: null, nextPlan: null, nextPlanAt: null });
    assert.deepEqual([await balanceOf(account), await balanceOf(account, "search")], [10.5, 1]);
    const trail = await operator.get(`/v1/audit-trail?account=${account}`);
    const lines: readonly { action: string; target: string; detail: object }[] =
      trail.body.lines ?? trail.body.items;
    assert.deepEqual(
      lines.slice(0, 5).map(({ action, target, detail }) => [action, target, detail]),
      [
        ["plan.cancel", account, { when: "now" }],
        ["plan.cancel", account, { when: "refresh" }],
        ["plan.keep", "growth", {}],
        ["plan.assign", "starter", { when: "refresh" }],
        ["plan.assign", "growth", {}],
      ],
    );
    await assertSound(database);
  });

  test("anchorAt counts periods from another moment, at the account's creation too", async () => {
    const anchorAt = new Date(Date.now() - 86_400_000).toISOString();
    const { body } = await operator.post("/v1/accounts", { name: "Acme", plan: "starter", anchorAt });
    const first = await operator.get(`/v1/accounts/${body.id}/balances`);
    const { nextAt } = first.body.pools[0].recurring;
    assert.equal(nextAt.slice(10), anchorAt.slice(10));
    const later = new Date(Date.now() + 86_400_000).toISOString();
    await operator.post(`/v1/accounts/${body.id}/plan`, { plan: "starter", anchorAt: later });
    const second = await operator.get(`/v1/accounts/${body.id}/balances`);
    assert.deepEqual([second.body.pools[0].balance, second.body.pools[0].recurring.nextAt], [1, later]);
  });

  test("the same assignment under its Idempotency-Key is one, and two at once under none grant once", async () => {
    const account = await operator.account();
    const assign = (headers?: Record<string, string>) =>
      operator.post(`/v1/accounts/${account}/plan`, { plan: "starter" }, headers);
    const key = { "idempotency-key": "assign-once" };
    const [one, other] = await Promise.all([assign(key), assign(key)]);
    assert.deepEqual(one.body, other.body);
    const bare = await Promise.all([assign(), assign()]);
    assert.deepEqual(
      bare.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(await balanceOf(account), 1);
    const { body } = await operator.get(`/v1/audit-trail?account=${account}&action=plan.assign`);
    assert.equal((body.lines ?? body.items).length, 3);
  });

  test("what cannot be is refused with the field's name, and nothing happens", async () => {
    const account = await operator.account();
    const path = `/v1/accounts/${account}/plan`;
    const refusals: readonly [string, unknown, number, string, string?][] = [
      [path, {}, 422, "request_invalid", "plan"],
      [path, { plan: "starter", when: "soon" }, 422, "request_invalid", "when"],
      [path, { plan: "starter", anchorAt: "tomorrow" }, 422, "request_invalid", "anchorAt"],
      [
        path,
        { plan: "starter", when: "refresh", anchorAt: "2026-01-01" },
        422,
        "request_invalid",
        "anchorAt",
      ],
      [path, { plan: "starter", now: true }, 422, "request_invalid", "now"],
      [path, { plan: "gold" }, 422, "plan_unknown"],
      [`${path}/cancel`, { when: "never" }, 422, "request_invalid", "when"],
      [`${path}/keep`, {}, 409, "plan_change_unknown"],
      ["/v1/accounts", { name: "A", anchorAt: "2026-01-01" }, 422, "request_invalid", "anchorAt"],
      ["/v1/accounts/acc_0000000000000000/plan", { plan: "starter" }, 404, "account_unknown"],
      ["/v1/accounts/acc_0000000000000000/plan/cancel", {}, 404, "account_unknown"],
      ["/v1/accounts/acc_0000000000000000/plan/keep", {}, 404, "account_unknown"],
    ];
    for (const [where, content, status, code, field] of refusals) {
      const { status: seen, body } = await operator.post(where, content);
      assert.deepEqual(
        [seen, body.code, body.errors?.[0].path],
        [status, code, field],
        JSON.stringify(content),
      );
    }
    assert.equal((await operator.get(`/v1/accounts/${account}`)).body.plan, null);
    await operator.post(`/v1/accounts/${account}/close`, {});
    for (const [where, content] of [
      [path, { plan: "starter" }],
      [`${path}/cancel`, {}],
      [`${path}/keep`, {}],
    ] as const) {
      const closed = await operator.post(where, content);
      assert.deepEqual([closed.status, closed.body.code], [409, "account_closed"]);
    }
  });
});
