import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { publishPlans } from "../../../ledger/plans/plans.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: accounts and keys", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    await database.transaction((tx) =>
      publishPlans(tx, [
        {
          name: "starter",
          recurring: [{ creditType: "credits", amount: 10_000_500_000n, every: "month", rollover: "all" }],
        },
      ]),
    );
  });

  test("POST /v1/accounts creates an account that can be read", async () => {
    const created = await operator.post("/v1/accounts", { name: " Acme ", metadata: { crm: "42" } });
    assert.equal(created.status, 201);
    assert.match(created.body.id, /^acc_[0-9A-Za-z]{16}$/);
    assert.partialDeepStrictEqual(created.body, {
      name: "Acme",
      state: "active",
      plan: null,
      metadata: { crm: "42" },
    });
    const read = await operator.get(`/v1/accounts/${created.body.id}`);
    assert.deepEqual([read.status, read.body], [200, created.body]);
  });

  test("an account with a plan has the plan's first grant at once", async () => {
    const { status, body } = await operator.post("/v1/accounts", { name: "Acme", plan: "starter" });
    assert.deepEqual([status, body.plan], [201, "starter"]);
    const balances = await operator.get(`/v1/accounts/${body.id}/balances`);
    assert.partialDeepStrictEqual(balances.body.pools, [
      {
        creditType: "credits",
        balance: 10_000.5,
        recurring: { amount: 10_000.5, every: "month", rollover: "all" },
      },
    ]);
  });

  test("an unknown plan is named, and no account is left behind", async () => {
    const count = async (): Promise<number> =>
      (await operator.get("/v1/accounts?limit=500")).body.accounts.length;
    const earlier = await count();
    const { status, body } = await operator.post("/v1/accounts", { name: "Acme", plan: "gold" });
    assert.deepEqual([status, body.code], [422, "plan_unknown"]);
    assert.match(body.detail, /gold/);
    assert.equal(await count(), earlier);
  });

  test("GET /v1/accounts pages through all, the newest first, none twice", async () => {
    const made = [await operator.account("p1"), await operator.account("p2"), await operator.account("p3")];
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { body } = await operator.get(`/v1/accounts?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...body.accounts.map((account: { id: string }) => account.id));
      cursor = body.next;
    }
    assert.deepEqual(seen.slice(0, 3), made.toReversed());
    assert.equal(new Set(seen).size, seen.length);
  });

  test("GET /v1/accounts?ids= has those that are named and known, with the other filters, and at most 100", async () => {
    const made = [await operator.account("i1"), await operator.account("i2"), await operator.account("i3")];
    const find = async (query: string): Promise<string[]> => {
      const { body } = await operator.get(`/v1/accounts?${query}`);
      return body.accounts.map((account: { id: string }) => account.id);
    };
    assert.deepEqual(await find(`ids=${made[0]},acc_none,${made[2]}&sort=oldest`), [made[0], made[2]]);
    assert.deepEqual(await find(`ids=${made.join()}&q=i2`), [made[1]]);
    assert.deepEqual(await find("ids=acc_none"), []);
    for (const ids of ["", "a,,b", "a%20b", Array.from({ length: 101 }, (_, n) => `acc_${n}`).join()]) {
      const { status, body } = await operator.get(`/v1/accounts?ids=${ids}`);
      assert.deepEqual([status, body.errors?.[0].path], [422, "ids"], ids.slice(0, 20));
    }
  });

  test("an unknown account is named wherever it is used", async () => {
    const unknown = "/v1/accounts/acc_0000000000000000";
    const tries = [
      operator.get(unknown),
      operator.get(`${unknown}/keys`),
      operator.get(`${unknown}/balances`),
      operator.get(`${unknown}/entries`),
      operator.get(`${unknown}/usage`),
      operator.post(`${unknown}/keys`, {}),
      operator.post(`${unknown}/grants`, { amount: 1 }),
      operator.post(`${unknown}/adjustments`, { amount: 1, reason: "test" }),
    ];
    for (const { status, body } of await Promise.all(tries)) {
      assert.deepEqual([status, body.code], [404, "account_unknown"]);
      assert.match(body.detail, /acc_0000000000000000/);
    }
  });

  test("POST keys shows the key once; lists show its hint only", async () => {
    const account = await operator.account();
    const { status, body } = await operator.post(`/v1/accounts/${account}/keys`, {
      name: "production",
      expiresAt: "2100-01-01T00:00:00+02:00",
    });
    assert.equal(status, 201);
    assert.match(body.key, /^fbx_[0-9A-Za-z]{36}$/);
    assert.equal(body.hint.slice(-4), body.key.slice(-4));
    assert.equal(body.expiresAt, "2099-12-31T22:00:00.000Z");
    const { key, ...shown } = body;
    const list = await operator.get(`/v1/accounts/${account}/keys`);
    assert.deepEqual(list.body, { keys: [shown], next: null });
    const stored = JSON.stringify(await database.query("SELECT * FROM farebox.operator_requests"));
    assert.ok(!stored.includes(key));
  });

  test("a key that would be expired from the start is refused", async () => {
    const account = await operator.account();
    const { status, body } = await operator.post(`/v1/accounts/${account}/keys`, { expiresAt: "2020-01-01" });
    assert.deepEqual([status, body.code], [422, "key_expiry_past"]);
    const wrong = await operator.post(`/v1/accounts/${account}/keys`, { expiresAt: "tomorrow" });
    assert.deepEqual([wrong.status, wrong.body.errors[0].path], [422, "expiresAt"]);
  });

  test("POST revoke revokes for good; again changes nothing; an unknown key is named", async () => {
    const account = await operator.account();
    const { id } = (await operator.post(`/v1/accounts/${account}/keys`, {})).body;
    const first = await operator.send("POST", `/v1/keys/${id}/revoke`);
    assert.deepEqual([first.status, first.body.state], [200, "revoked"]);
    const second = await operator.send("POST", `/v1/keys/${id}/revoke`);
    assert.deepEqual(second.body, first.body);
    const unknown = await operator.send("POST", "/v1/keys/key_0000000000000000/revoke");
    assert.deepEqual([unknown.status, unknown.body.code], [404, "key_unknown"]);
    assert.match(unknown.body.detail, /key_0000000000000000/);
  });

  test("a key's creation repeated under its Idempotency-Key answers the same key, which is not stored in the clear", async () => {
    const account = await operator.account();
    const create = () =>
      operator.post(`/v1/accounts/${account}/keys`, { name: "x" }, { "idempotency-key": "create-x" });
    const [one, other] = await Promise.all([create(), create()]);
    assert.deepEqual([one.status, other.status, one.body.key], [201, 201, other.body.key]);
    const replays = [one, other].filter(({ headers }) => headers.get("idempotency-replayed") === "true");
    assert.equal(replays.length, 1);
    assert.equal((await operator.get(`/v1/accounts/${account}/keys`)).body.keys.length, 1);
    const stored = JSON.stringify(await database.query("SELECT * FROM farebox.operator_requests"));
    assert.ok(stored.includes(one.body.id) && !stored.includes(one.body.key));
  });

  test("an Idempotency-Key of another request is refused, by method, path or body", async () => {
    const headers = { "idempotency-key": "once" };
    const first = await operator.post("/v1/accounts", { name: "Acme" }, headers);
    const spaced = await operator.post("/v1/accounts", '{ "name":  "Acme" }', headers);
    assert.equal(spaced.body.id, first.body.id);
    const other = await operator.post("/v1/accounts", { name: "Other" }, headers);
    assert.deepEqual([other.status, other.body.code], [422, "idempotency_mismatch"]);
    const path = await operator.post(`/v1/accounts/${first.body.id}/grants`, { amount: 1 }, headers);
    assert.deepEqual([path.status, path.body.code], [422, "idempotency_mismatch"]);
  });

  test("a request that was refused frees its Idempotency-Key", async () => {
    const headers = { "idempotency-key": "retry" };
    const account = await operator.account();
    const refused = await operator.post(
      `/v1/accounts/${account}/adjustments`,
      { amount: -5, reason: "x" },
      headers,
    );
    assert.equal(refused.body.code, "adjustment_exceeds_available");
    await operator.post(`/v1/accounts/${account}/grants`, { amount: 10 });
    const retried = await operator.post(
      `/v1/accounts/${account}/adjustments`,
      { amount: -5, reason: "x" },
      headers,
    );
    assert.deepEqual([retried.status, retried.body.balance], [201, 5]);
  });
});
