import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { listAudit, writeAudit } from "./operator-audit.ts";
import { runOperatorRequest, sweepOperatorRequests } from "./operator-requests.ts";

eachDatabase("operator requests", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  /** What the operator API does for POST /accounts: the mutation, its audit line and its response in one transaction. */
  const createOnce = (key: string, accountId: string, requestHash = accountId) =>
    runOperatorRequest(db, { key, requestHash }, async (tx) => {
      const account = await createAccount(tx, { accountId, name: "n", shards: 4 });
      await writeAudit(tx, {
        actor: "cli",
        action: "account.create",
        accountId,
        target: accountId,
        detail: { name: "n" },
      });
      return { status: 201, body: { id: account.accountId } };
    });

  const linesOf = async (accountId: string) => (await listAudit(db, { accountId, limit: 10 })).items;

  test("a repetition gets the stored response and has no effect", async () => {
    assert.deepEqual(await createOnce("k1", "acc_1"), {
      status: 201,
      body: { id: "acc_1" },
      isReplay: false,
    });
    assert.deepEqual(await createOnce("k1", "acc_1"), { status: 201, body: { id: "acc_1" }, isReplay: true });
    assert.equal((await linesOf("acc_1")).length, 1);
  });

  test("two that arrive at once have one effect", async () => {
    const results = fulfilled(await atOnce(5, () => createOnce("k2", "acc_2")));
    assert.equal(results.length, 5);
    assert.equal(results.filter(({ isReplay }) => !isReplay).length, 1);
    assert.ok(results.every(({ status }) => status === 201));
    assert.equal((await linesOf("acc_2")).length, 1);
  });

  test("another request under the key is refused, at once too, and has no effect", async () => {
    const results = await atOnce(2, (index) => createOnce("k3", `acc_3_${index}`));
    assert.equal(fulfilled(results).length, 1);
    assert.deepEqual(refusedCodes(results), ["idempotency_mismatch"]);
    const lines = [...(await linesOf("acc_3_0")), ...(await linesOf("acc_3_1"))];
    assert.equal(lines.length, 1);
  });

  test("a request that fails leaves nothing: no effect, no audit line, and its key is free", async () => {
    await createOnce("k4", "acc_4");
    await assert.rejects(createOnce("k5", "acc_4"), { code: "account_exists" });
    assert.equal((await linesOf("acc_4")).length, 1);
    assert.equal((await createOnce("k5", "acc_5")).isReplay, false);
  });

  test("an audit line says who did what to whom, newest first", async () => {
    for (const action of ["key.create", "key.revoke"]) {
      await db.transaction((tx) => writeAudit(tx, { actor: "ops", action, accountId: "acc_audit" }));
    }
    const lines = await linesOf("acc_audit");
    assert.deepEqual(
      lines.map(({ actor, action, target, requestId, detail }) => [actor, action, target, requestId, detail]),
      [
        ["ops", "key.revoke", null, null, {}],
        ["ops", "key.create", null, null, {}],
      ],
    );
    assert.ok(lines.every(({ at }) => at instanceof Date));
    const first = await listAudit(db, { accountId: "acc_audit", limit: 1 });
    const second = await listAudit(db, { accountId: "acc_audit", limit: 1, cursor: first.next ?? "" });
    assert.deepEqual([...first.items, ...second.items], lines);
    assert.equal(second.next, null);
  });

  test("the trail is filtered by what was done, by whom, to what and when", async () => {
    const write = (actor: string, action: string, target: string) =>
      db.transaction((tx) => writeAudit(tx, { actor, action, accountId: "acc_trail", target }));
    await write("alice", "key.create", "key_1");
    await write("bob", "key.revoke", "key_1");
    await write("bob", "key.create", "key_2");
    const lines = await linesOf("acc_trail");
    const [third, second, first] = lines;
    assert.ok(third && second && first);
    const found = async (filter: object) =>
      (await listAudit(db, { accountId: "acc_trail", limit: 10, ...filter })).items;
    assert.deepEqual(await found({ action: "key.create" }), [third, first]);
    assert.deepEqual(await found({ actor: "bob" }), [third, second]);
    assert.deepEqual(await found({ target: "key_1" }), [second, first]);
    assert.deepEqual(await found({ actor: "bob", action: "key.create" }), [third]);
    await db.query(
      "UPDATE operator_audit SET at = '2026-03-01T00:00:00Z' WHERE actor = 'alice' AND account_id = 'acc_trail'",
    );
    const march = new Date("2026-03-01T00:00:00Z");
    const at = (ms: number) => new Date(march.getTime() + ms);
    assert.equal((await found({ from: march, to: at(1) })).length, 1);
    assert.equal((await found({ from: at(-1), to: march })).length, 0);
    assert.equal((await found({ from: at(1) })).length, 2);
    await assert.rejects(listAudit(db, { limit: 1, cursor: "x" }), { code: "cursor_invalid" });
  });

  test("forgotten keys are swept and may be used again", async () => {
    await createOnce("k6", "acc_6");
    assert.equal(await sweepOperatorRequests(db), 0);
    await db.query(
      "UPDATE operator_requests SET created_at = created_at - interval '25 hours' WHERE key = 'k6'",
    );
    assert.equal(await sweepOperatorRequests(db), 1);
    assert.equal((await createOnce("k6", "acc_7")).isReplay, false);
  });
});
