import assert from "node:assert/strict";
import { before, test } from "node:test";
import { mayActAs, OPERATOR_ROLES, type OperatorRole } from "../../../domain/operator-role.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { listAudit } from "../../../ledger/operators/operator-audit.ts";
import { sweepGiving } from "../../../ledger/operators/operator-giving.ts";
import { atOnce } from "../../../ledger/testing/at-once.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { Scene } from "../testing/mutation-cases.ts";
import type { Answer } from "../testing/operator-under-test.ts";
import { fillPath, readOperations } from "../testing/read-operations.ts";
import { OPERATION_ROLES } from "./operation-roles.ts";

eachDatabase("operator access", (openFresh) => {
  let database: Database;
  let scene: Scene;
  let names = 0;
  before(async () => {
    database = await openFresh();
    scene = await Scene.open(database);
  });

  /** A new token, and requests with it. */
  async function sign(role: OperatorRole, more: object = {}) {
    names += 1;
    const name = `t${names}`;
    const limits = role === "support" ? { limits: { each: 10, day: 25 } } : {};
    const { id, token } = await scene.post("/v1/tokens", { name, role, ...limits, ...more });
    const authorization = `Bearer ${String(token)}`;
    return {
      name,
      id: String(id),
      token: String(token),
      get: (path: string) => scene.operator.get(path, { authorization }),
      send: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
        scene.operator.send(method, path, { body, headers: { authorization, ...headers } }),
    };
  }

  const codeOf = ({ status, body }: Answer) => [status, body.code];

  test("each role may carry out what the table says, and nothing else", async () => {
    const { operations } = await readOperations(scene.operator);
    // Who may watch gets a stream that ends.
    scene.operator.traffic.close();
    const params = {
      account: "acc_none",
      key: "key_none",
      charge: "chg_none",
      token: "tok_none",
      session: "ses_none",
      bulkRefund: "b",
      export: "e",
      call: "c",
      version: "9",
      hold: "h",
    };
    for (const role of OPERATOR_ROLES) {
      const { send } = await sign(role);
      for (const { id, method, path, title } of operations) {
        const body = method === "GET" ? undefined : {};
        const { status, body: answer } = await send(method, fillPath(path, params), body);
        const needed = OPERATION_ROLES[id];
        assert.ok(needed);
        const refused = [status, answer.code].join() === "403,role_not_permitted";
        assert.equal(refused, !mayActAs(role, needed), `${role}: ${title}: ${status}`);
        assert.notEqual(status, 500, `${role}: ${title}`);
      }
      const metrics = await send("GET", "/metrics");
      assert.equal(metrics.status, role === "portal" || role === "meter" ? 403 : 200, role);
      assert.deepEqual(codeOf(await send("GET", "/v1/nothing")), [404, "route_not_found"]);
    }
  });

  test("who asks is told who they are, and the audit trail says so of all that they did", async () => {
    const account = await scene.account();
    const { name, get, send } = await sign("support");
    const self = { actor: `token:${name}`, role: "support", limits: { each: 10, day: 25 } };
    assert.deepEqual((await get("/v1/self")).body, self);
    assert.equal((await send("POST", `/v1/accounts/${account}/grants`, { amount: 1 })).status, 201);
    const [line] = (await listAudit(database, { limit: 1, actor: `token:${name}` })).items;
    assert.deepEqual([line?.action, line?.accountId], ["grant.create", account]);
    const { body } = await scene.operator.get("/v1/self");
    assert.deepEqual(body, { actor: "operator", role: "admin", limits: null });
  });

  test("a token's text is in the answer of its creation only, and works until it is revoked", async () => {
    const { id, token, get } = await sign("read");
    assert.match(token, /^fbo_[0-9A-Za-z]{36}$/);
    const listed = await scene.operator.get("/v1/tokens");
    assert.ok(!JSON.stringify(listed.body).includes(token));
    const rows = await database.query("SELECT * FROM farebox.operator_requests, farebox.operator_audit");
    const kept = JSON.stringify(rows, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    assert.ok(!kept.includes(token) && !scene.operator.log.join("").includes(token));
    const shown = listed.body.tokens.find((one: { id: string }) => one.id === id);
    assert.partialDeepStrictEqual(shown, {
      role: "read",
      limits: null,
      state: "active",
      createdBy: "operator",
    });
    assert.equal((await get("/v1/plans")).status, 200);
    await scene.post(`/v1/tokens/${id}/revoke`, {});
    assert.deepEqual(codeOf(await get("/v1/plans")), [401, "operator_unauthorized"]);
    const again = await scene.operator.post("/v1/tokens", { name: shown.name, role: "read" });
    assert.deepEqual(codeOf(again), [409, "token_exists"]);
  });

  test("a token expires by the database's clock", async () => {
    const { id, get } = await sign("read", { expiresAt: "2100-01-01" });
    assert.equal((await get("/v1/plans")).status, 200);
    await database.query(
      "UPDATE farebox.operator_tokens SET expires_at = statement_timestamp() WHERE token_id = $1",
      [id],
    );
    assert.deepEqual(codeOf(await get("/v1/plans")), [401, "operator_unauthorized"]);
    const past = await scene.operator.post("/v1/tokens", {
      name: "late",
      role: "read",
      expiresAt: "2020-01-01",
    });
    assert.deepEqual(codeOf(past), [422, "token_expiry_past"]);
  });

  test("support must have limits, and nobody else has them", async () => {
    const limits = { each: 1, day: 2 };
    for (const wrong of [{ role: "support" }, { role: "admin", limits }]) {
      const { status, body } = await scene.operator.post("/v1/tokens", { name: "x", ...wrong });
      assert.deepEqual([status, body.errors[0].path], [422, "limits"]);
    }
  });

  test("what support frees of long holds counts under its limits", async () => {
    const { account, hold } = await scene.longHold();
    const release = (sender: { send: Awaited<ReturnType<typeof sign>>["send"] }): Promise<Answer> =>
      sender.send("POST", `/v1/accounts/${account}/long-holds/${hold}/release`, { reason: "its job died" });
    const few = await sign("support", { limits: { each: 9.999999, day: 25 } });
    assert.deepEqual(codeOf(await release(few)), [403, "giving_limit_exceeded"]);
    const listed = await scene.operator.get(`/v1/accounts/${account}/long-holds`);
    assert.deepEqual([listed.body.longHolds[0].state, listed.body.longHolds[0].held], ["open", 10]);
    const { status, body } = await release(await sign("support"));
    assert.deepEqual([status, body.state, body.held, body.freed], [200, "released", 0, 10]);
    const [line] = (await listAudit(database, { limit: 1 })).items;
    assert.deepEqual(
      [line?.action, line?.target, line?.detail],
      ["long_hold.release", hold, { creditType: "credits", freed: 10, id: hold, reason: "its job died" }],
    );
    // It was free already: nothing is given.
    assert.equal((await release(few)).body.freed, 0);
  });

  test("support gives at most its limits by grants and refunds, each and in a day, at once too", async () => {
    const { account, charge, requestId } = await scene.charge();
    const { name, send } = await sign("support");
    const grant = (amount: number, reference?: string) =>
      send("POST", `/v1/accounts/${account}/grants`, { amount, reference });
    const exceeded = [403, "giving_limit_exceeded"];
    const balance = async (): Promise<number> =>
      (await scene.operator.get(`/v1/accounts/${account}/balances`)).body.pools[0].balance;
    const earlier = await balance();
    assert.deepEqual(codeOf(await grant(10.000001)), exceeded);
    assert.equal((await grant(10, "once")).status, 201);
    // The same grant again gives nothing.
    assert.deepEqual([(await grant(10, "once")).body.created], [false]);
    assert.equal((await send("POST", `/v1/charges/${charge}/refunds`, { amount: 5 })).status, 201);
    // 10 of 25 are left: of three at once that give 5 each two do.
    const request = { requestId, amount: 5 };
    const refunds = [
      () => grant(5),
      () => grant(5),
      () => send("POST", `/v1/accounts/${account}/refunds`, request),
    ];
    const results = await atOnce(3, (index) => refunds[index]?.() ?? assert.fail());
    const statuses = results.map((result) => (result.status === "fulfilled" ? result.value.status : 0));
    assert.deepEqual(
      statuses.toSorted((one, other) => one - other),
      [201, 201, 403],
    );
    assert.deepEqual(codeOf(await grant(1)), exceeded);
    assert.equal(await balance(), earlier + 25);
    // The day is over.
    await database.query("UPDATE farebox.operator_giving SET day = day - 8 WHERE actor = $1", [
      `token:${name}`,
    ]);
    assert.equal((await grant(10)).status, 201);
    assert.equal(await sweepGiving(database), 1);
    // Who has no limits is not counted.
    await scene.post(`/v1/accounts/${account}/grants`, { amount: 1000 });
  });

  test("an Idempotency-Key is its sender's own", async () => {
    const account = await scene.account();
    const [one, other] = [await sign("admin"), await sign("admin")];
    const key = { "idempotency-key": "same" };
    const path = `/v1/accounts/${account}/grants`;
    const first = await one.send("POST", path, { amount: 1 }, key);
    assert.equal(
      (await one.send("POST", path, { amount: 1 }, key)).headers.get("idempotency-replayed"),
      "true",
    );
    const second = await other.send("POST", path, { amount: 1 }, key);
    assert.equal(second.headers.get("idempotency-replayed"), null);
    assert.notEqual(first.body.id, second.body.id);
  });
});
