import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import type { StoredResponse } from "../ledger.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import {
  abandonIdempotent,
  beginIdempotent,
  completeIdempotent,
  type IdempotencyKey,
  newIdempotencyOwner,
  sweepIdempotency,
} from "./idempotency.ts";

const KEEP = 86_400;

const response: StoredResponse = {
  status: 201,
  headers: [
    ["content-type", "application/json"],
    ["set-cookie", "a"],
    ["set-cookie", "b"],
  ],
  body: new TextEncoder().encode('{"a":1}'),
};

eachDatabase("idempotency keys", (openFresh) => {
  let db: Database;
  let count = 0;

  const freshKey = (): IdempotencyKey => {
    count += 1;
    return { accountId: "acc_1", shard: 0, key: `key ${count}` };
  };
  const sweepAll = async (): Promise<number> => {
    let deleted = 0;
    for (const shard of [0, 1]) deleted += await sweepIdempotency(db, shard);
    return deleted;
  };
  const begin = (key: IdempotencyKey, owner: string, hash = "h") => beginIdempotent(db, key, hash, owner);
  const live = newIdempotencyOwner("ins_live");

  before(async () => {
    db = await openFresh();
    for (const accountId of ["acc_1", "acc_2"]) await createAccount(db, { accountId, name: "n", shards: 1 });
    await db.exec(`
      INSERT INTO farebox.lanes (instance_no, instance_id, shard, started_at, seen_at, state, dead_at) VALUES
        (1001, 'ins_live', 0, clock_timestamp(), clock_timestamp(), 'live', NULL),
        (1002, 'ins_dead', 0, clock_timestamp(), clock_timestamp(), 'dead', clock_timestamp()),
        (1003, 'ins_elsewhere', 1, clock_timestamp(), clock_timestamp(), 'live', NULL)`);
  });

  test("a key begins once, and says that it is running to the same request and mismatch to another", async () => {
    const key = freshKey();
    assert.deepEqual(await begin(key, live), { kind: "begun", owner: live });
    assert.deepEqual(await begin(key, newIdempotencyOwner("ins_live")), { kind: "running" });
    assert.deepEqual(await begin(key, newIdempotencyOwner("ins_live"), "other"), { kind: "mismatch" });
  });

  test("of any number that arrive at once exactly one begins", async () => {
    const key = freshKey();
    const starts = fulfilled(await atOnce(8, () => begin(key, newIdempotencyOwner("ins_live"))));
    assert.equal(starts.filter(({ kind }) => kind === "begun").length, 1);
    assert.equal(starts.filter(({ kind }) => kind === "running").length, 7);
  });

  test("keys of two accounts, and two keys of one account, are independent", async () => {
    const key = freshKey();
    await begin(key, live);
    assert.equal((await begin({ ...key, accountId: "acc_2" }, live)).kind, "begun");
    assert.equal((await begin(freshKey(), live)).kind, "begun");
  });

  test("begin is safe to repeat by the same run", async () => {
    const key = freshKey();
    await begin(key, live);
    assert.deepEqual(await begin(key, live), { kind: "begun", owner: live });
  });

  test("a completed key gives the response back, byte for byte, to the same request only", async () => {
    const key = freshKey();
    await begin(key, live);
    assert.equal(await completeIdempotent(db, key, live, response, KEEP), true);
    assert.deepEqual(await begin(key, newIdempotencyOwner("ins_live")), { kind: "done", response });
    assert.deepEqual(await begin(key, live), { kind: "done", response });
    assert.deepEqual(await begin(key, live, "other"), { kind: "mismatch" });
  });

  test("a response too large to keep is known to be done", async () => {
    const key = freshKey();
    await begin(key, live);
    await completeIdempotent(db, key, live, { ...response, body: null }, KEEP);
    assert.deepEqual(await begin(key, live), { kind: "done", response: { ...response, body: null } });
  });

  test("completing is safe to repeat by the same run, at once too", async () => {
    const key = freshKey();
    await begin(key, live);
    const results = await atOnce(3, () => completeIdempotent(db, key, live, response, KEEP));
    assert.deepEqual(fulfilled(results), [true, true, true]);
  });

  test("an abandoned key is free; abandoning touches no other run and no completed key", async () => {
    const key = freshKey();
    const second = newIdempotencyOwner("ins_live");
    await begin(key, live);
    await abandonIdempotent(db, key, second);
    assert.equal((await begin(key, second)).kind, "running");
    await atOnce(2, () => abandonIdempotent(db, key, live));
    assert.deepEqual(await begin(key, second, "another request"), { kind: "begun", owner: second });
    await completeIdempotent(db, key, second, response, KEEP);
    await abandonIdempotent(db, key, second);
    assert.equal((await begin(key, live, "another request")).kind, "done");
  });

  for (const owner of ["ins_dead", "ins_never_registered", "ins_elsewhere"]) {
    test(`a key that ${owner} left running is taken over by exactly one, and completed by that one only`, async () => {
      const key = freshKey();
      const lost = newIdempotencyOwner(owner);
      await begin(key, lost);
      const starts = fulfilled(await atOnce(4, () => begin(key, newIdempotencyOwner("ins_live"))));
      const [begun, ...others] = starts.filter(({ kind }) => kind === "begun");
      assert.deepEqual(others, []);
      assert.equal(starts.filter(({ kind }) => kind === "running").length, 3);
      const late = { ...response, status: 500 };
      assert.equal(await completeIdempotent(db, key, lost, late, KEEP), false, "the lost run is superseded");
      await abandonIdempotent(db, key, lost);
      assert.equal((await begin(key, live)).kind, "running");
      assert.ok(begun?.kind === "begun");
      const completed = await Promise.all([
        completeIdempotent(db, key, lost, late, KEEP),
        completeIdempotent(db, key, begun.owner, response, KEEP),
      ]);
      assert.deepEqual(completed, [false, true]);
      assert.equal(await completeIdempotent(db, key, lost, late, KEEP), false);
      assert.deepEqual(await begin(key, live), { kind: "done", response });
    });
  }

  test("what a dead instance completed stays completed", async () => {
    const key = freshKey();
    const dead = newIdempotencyOwner("ins_dead");
    await begin(key, dead);
    await completeIdempotent(db, key, dead, response, KEEP);
    assert.equal((await begin(key, live)).kind, "done");
  });

  test("an expired key is free for any request, completed or running", async () => {
    for (const isCompleted of [true, false]) {
      const key = freshKey();
      await begin(key, live);
      if (isCompleted) await completeIdempotent(db, key, live, response, KEEP);
      await db.query("UPDATE idempotency_keys SET expires_at = clock_timestamp() WHERE key = $1", [key.key]);
      const next = newIdempotencyOwner("ins_live");
      assert.deepEqual(await begin(key, next, "another request"), { kind: "begun", owner: next });
      assert.deepEqual(await begin(key, live, "another request"), { kind: "running" });
    }
  });

  test("the sweep deletes what has expired and nothing else, also when two sweep at once", async () => {
    await db.query("DELETE FROM idempotency_keys");
    for (let index = 0; index < 10; index += 1) await begin(freshKey(), live);
    await db.query(`UPDATE idempotency_keys SET expires_at = clock_timestamp()
      WHERE key IN (SELECT key FROM idempotency_keys ORDER BY created_at LIMIT 6)`);
    const deleted = fulfilled(await atOnce(2, sweepAll));
    assert.equal(
      deleted.reduce((sum, one) => sum + one, 0),
      6,
    );
    assert.deepEqual(await db.query("SELECT count(*) FROM idempotency_keys"), [{ count: 4n }]);
  });
});
