import assert from "node:assert/strict";
import { before, test } from "node:test";
import { OperatorUnderTest, TOKEN } from "../api/operator/testing/operator-under-test.ts";
import type { Database } from "../ledger/database/database.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { createClient, type FareboxClient, FareboxError, pages } from "./index.ts";

eachDatabase("farebox/client", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  let farebox: FareboxClient;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
    farebox = clientOf(async (...request) => await operator.app.request(...request));
  });

  const clientOf = (fetch: (url: string, init: RequestInit) => Promise<Response>): FareboxClient =>
    createClient({
      url: "http://127.0.0.1:8401",
      token: TOKEN,
      fetch: (url, init) => fetch(new Request(url).url, init ?? {}),
    });

  test("an account from its creation to its closing, with typed input and answers", async () => {
    const account = await farebox.createAccount({ name: "Acme", metadata: { crm: "42" } });
    const grant = await farebox.createGrant({ account: account.id, amount: 500, reference: "invoice-1" });
    assert.deepEqual([grant.amount, grant.created], [500, true]);
    const { pools } = await farebox.getBalances({ account: account.id });
    assert.equal(pools[0]?.balance, 500);
    const key = await farebox.createKey({ account: account.id, name: "production" });
    assert.match(key.key, /^fbx_/);
    assert.equal((await farebox.revokeKey({ key: key.id })).state, "revoked");
    const { accounts } = await farebox.listAccounts({ q: "acme", state: undefined, limit: 10 });
    assert.deepEqual(accounts, [account]);
    assert.equal(
      (await farebox.updateAccount({ account: account.id, metadata: { crm: null } })).name,
      "Acme",
    );
    assert.equal((await farebox.closeAccount({ account: account.id, reason: "left" })).state, "closed");
    const { lines } = await farebox.listAuditTrail({ account: account.id, action: "account.close" });
    assert.deepEqual(lines[0]?.detail, { reason: "left" });
    assert.equal((await farebox.getInstance()).id, "ins_test");
  });

  test("ids are encoded: they cannot become another path", async () => {
    await assert.rejects(farebox.getAccount({ account: "x/../../instance" }), { code: "account_unknown" });
  });

  test("what the API refuses is a FareboxError with its code and the fields", async () => {
    await assert.rejects(farebox.createAccount({ name: "" }), (error) => {
      assert.ok(error instanceof FareboxError);
      assert.deepEqual(
        [error.code, error.detail["status"], error.retryable],
        ["request_invalid", 422, false],
      );
      assert.deepEqual(error.detail["errors"], [{ path: "name", reason: "must not be empty" }]);
      return true;
    });
    await assert.rejects(farebox.getAccount({ account: "acc_none" }), { code: "account_unknown" });
  });

  test("a mutation whose answer is lost is sent again and has one effect", async () => {
    let lost = 0;
    const lossy = clientOf(async (url, init) => {
      const response = await operator.app.request(url, init);
      if (lost < 2) {
        lost += 1;
        throw new TypeError("the connection broke");
      }
      return response;
    });
    const account = await lossy.createAccount({ name: "Once only" });
    assert.equal(lost, 2);
    const { accounts } = await farebox.listAccounts({ q: "once only" });
    assert.deepEqual(accounts, [account]);
  });

  test("an Idempotency-Key of one's own makes two calls one", async () => {
    const options = { idempotencyKey: "signup-7" };
    const first = await farebox.createAccount({ name: "Named" }, options);
    assert.deepEqual(await farebox.createAccount({ name: "Named" }, options), first);
  });

  test("pages go through a list to its end", async () => {
    for (const name of ["Page one", "Page two", "Page three"]) await farebox.createAccount({ name });
    const seen: string[] = [];
    let count = 0;
    for await (const { accounts } of pages(farebox.listAccounts, { q: "page t", limit: 1 })) {
      count += 1;
      seen.push(...accounts.map(({ name }) => name));
    }
    assert.deepEqual([seen, count], [["Page three", "Page two"], 2]);
  });

  test("every operation of the document that answers JSON is a method, and nothing else is", async () => {
    const { body } = await operator.get("/v1/openapi.json");
    const ids = Object.values<Record<string, { operationId: string }>>(body.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    // A stream of events has no end that a method could answer with.
    ids.splice(ids.indexOf("watchTraffic"), 1);
    const methods = Object.keys(farebox).filter((name) => !name.endsWith("Csv"));
    assert.deepEqual(methods.toSorted(), ids.toSorted());
  });
});
