import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { createKey, findKey } from "../keys/keys.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { createAccount, readAccount, setAccountState, updateAccount } from "./accounts.ts";
import { listAccounts } from "./list-accounts.ts";

eachDatabase("accounts", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  test("a created account is read as it was given", async () => {
    const created = await createAccount(db, {
      accountId: "acc_read",
      name: "Acme",
      metadata: { crm: "42" },
      shards: 4,
    });
    assert.deepEqual(await readAccount(db, "acc_read"), created);
    const { createdAt, shard, ...rest } = created;
    assert.deepEqual(rest, {
      accountId: "acc_read",
      name: "Acme",
      state: "active",
      plan: null,
      nextPlan: null,
      nextPlanAt: null,
      metadata: { crm: "42" },
    });
    assert.ok(createdAt instanceof Date);
    assert.ok(shard >= 0 && shard < 4);
  });

  test("shards are chosen evenly, and within their number", async () => {
    const counts = [0, 0, 0, 0];
    for (let index = 0; index < 200; index += 1) {
      const { shard } = await createAccount(db, { accountId: `acc_shard${index}`, name: "n", shards: 4 });
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    assert.equal(counts.length, 4);
    assert.ok(
      counts.every((count) => count > 25),
      String(counts),
    );
  });

  test("an account that was never created is unknown, by its id", async () => {
    await assert.rejects(readAccount(db, "acc_none"), {
      code: "account_unknown",
      detail: { accountId: "acc_none" },
    });
    await assert.rejects(
      db.transaction((tx) => setAccountState(tx, "acc_none", "closed")),
      { code: "account_unknown" },
    );
  });

  test("of two creations of one account at once, one creates it", async () => {
    const results = await atOnce(2, (index) =>
      createAccount(db, { accountId: "acc_twice", name: `number ${index}`, shards: 4 }),
    );
    const [winner] = fulfilled(results);
    assert.deepEqual(refusedCodes(results), ["account_exists"]);
    assert.deepEqual(await readAccount(db, "acc_twice"), winner);
  });

  test("a name out of range is refused by the database itself", async () => {
    await assert.rejects(createAccount(db, { accountId: "acc_noname", name: "", shards: 1 }), {
      code: "23514",
    });
  });

  test("suspending and reactivating counts as a change of the account's keys, closing is final", async () => {
    await createAccount(db, { accountId: "acc_state", name: "n", shards: 1 });
    const hashHex = "ab".repeat(32);
    await db.transaction((tx) =>
      createKey(tx, {
        keyId: "key_state",
        accountId: "acc_state",
        hashHex,
        prefix: "fbx",
        hint: "fbx_…abcd",
        name: "",
        expiresAt: null,
      }),
    );
    const changedAt = async () => {
      const [row] = await db.query<{ at: string }>(
        "SELECT changed_at::text AS at FROM keys WHERE key_id = 'key_state'",
      );
      return row?.at;
    };
    const first = await changedAt();
    const states = await atOnce(3, () =>
      db.transaction((tx) => setAccountState(tx, "acc_state", "suspended")),
    );
    assert.deepEqual(
      fulfilled(states).map(({ state }) => state),
      ["suspended", "suspended", "suspended"],
    );
    assert.notEqual(await changedAt(), first);
    assert.equal((await findKey(db, hashHex))?.accountState, "suspended");

    await db.transaction((tx) => setAccountState(tx, "acc_state", "active"));
    await db.transaction((tx) => setAccountState(tx, "acc_state", "closed"));
    await assert.rejects(
      db.transaction((tx) => setAccountState(tx, "acc_state", "active")),
      { code: "account_closed" },
    );
  });
});

eachDatabase("a list of accounts", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
    // In one transaction with one time, so that only the id orders them, and one of another time.
    await db.exec(`INSERT INTO accounts (account_id, name, shard, created_at)
      SELECT 'acc_' || lpad(n::text, 3, '0'), 'n', 0, '2026-01-01 00:00:00.123456Z' FROM generate_series(1, 25) n;
      INSERT INTO accounts (account_id, name, shard, created_at) VALUES ('acc_000', 'n', 0, '2026-01-01 00:00:00.123457Z')`);
  });

  test("has every account once, newest first, whatever the page size", async () => {
    for (const limit of [1, 7, 26, 1000]) {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await listAccounts(db, { cursor, limit });
        assert.ok(page.items.length <= limit);
        ids.push(...page.items.map(({ accountId }) => accountId));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      const expected = Array.from({ length: 25 }, (_, n) => `acc_${String(25 - n).padStart(3, "0")}`);
      assert.deepEqual(ids, ["acc_000", ...expected]);
    }
  });

  test("items have the account's members and no others", async () => {
    const { items } = await listAccounts(db, { limit: 1 });
    assert.deepEqual(items[0], await readAccount(db, "acc_000"));
  });

  test("refuses a cursor that no list gave", async () => {
    for (const cursor of ["", "x", "MTIz", Buffer.from("1.a'b").toString("base64url")]) {
      await assert.rejects(listAccounts(db, { cursor, limit: 1 }), { code: "cursor_invalid" });
    }
  });
});

eachDatabase("a search for accounts", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
    const make = (accountId: string, name: string, metadata: Record<string, string>) =>
      createAccount(db, { accountId, name, metadata, shards: 4 });
    await make("acc_one", "Acme Ltd", { crm: "42", tier: "gold" });
    await make("acc_two", "100% Data_Co", { crm: "43" });
    await make("acc_three", "acme south", { crm: "42" });
    await db.transaction((tx) => setAccountState(tx, "acc_three", "suspended"));
    await db.exec("UPDATE accounts SET plan = 'starter' WHERE account_id = 'acc_two'");
  });

  const find = async (filter: object) =>
    (await listAccounts(db, { limit: 10, ...filter })).items.map(({ accountId }) => accountId);

  test("by part of the name or id, in any case, taken literally", async () => {
    assert.deepEqual(await find({ q: "ACME" }), ["acc_three", "acc_one"]);
    assert.deepEqual(await find({ q: "_TWO" }), ["acc_two"]);
    assert.deepEqual(await find({ q: "0%" }), ["acc_two"]);
    assert.deepEqual(await find({ q: "%" }), ["acc_two"]);
    assert.deepEqual(await find({ q: "nobody" }), []);
  });

  test("by state, plan and members of the metadata, together", async () => {
    assert.deepEqual(await find({ state: "suspended" }), ["acc_three"]);
    assert.deepEqual(await find({ plan: "starter" }), ["acc_two"]);
    assert.deepEqual(await find({ metadata: { crm: "42" } }), ["acc_three", "acc_one"]);
    assert.deepEqual(await find({ metadata: { crm: "42", tier: "gold" } }), ["acc_one"]);
    assert.deepEqual(await find({ metadata: { crm: "42" }, state: "active", q: "acme" }), ["acc_one"]);
    assert.deepEqual(await find({ metadata: { crm: "4" } }), []);
  });

  test("by name in any case, page by page, also with equal and long names", async () => {
    const fresh = await openFresh();
    const long = "x".repeat(100);
    const names = [
      "beta",
      "Alpha",
      "alpha",
      "ärger",
      "zz",
      "0",
      `${long}a`,
      `${long}b`,
      "100 % Ltd",
      "line\u2028break",
    ];
    for (const [index, name] of names.entries()) {
      await createAccount(fresh, { accountId: `acc_n${index}`, name, shards: 4 });
    }
    const placeOf = (name: string): string => name.toLowerCase().slice(0, 60);
    const expected = names
      .map((name, index) => ({ place: placeOf(name), id: `acc_n${index}` }))
      .toSorted(
        (one, other) =>
          Buffer.compare(Buffer.from(one.place), Buffer.from(other.place)) || (one.id < other.id ? -1 : 1),
      )
      .map(({ id }) => id);
    for (const limit of [1, 2, 3, 100]) {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await listAccounts(fresh, { cursor, limit, sort: "name" });
        ids.push(...page.items.map(({ accountId }) => accountId));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      assert.deepEqual(ids, expected, `${limit} a page`);
    }
    const { items } = await listAccounts(fresh, { limit: 1, sort: "name", q: "BETA" });
    assert.deepEqual(items[0], await readAccount(fresh, "acc_n0"));
    for (const cursor of ["x", "MTIz", Buffer.from("1.acc_1").toString("base64url")]) {
      await assert.rejects(listAccounts(fresh, { cursor, limit: 1, sort: "name" }), {
        code: "cursor_invalid",
      });
    }
  });

  test("the oldest first, page by page, while accounts come", async () => {
    const first = await listAccounts(db, { limit: 2, sort: "oldest" });
    assert.deepEqual(
      first.items.map(({ accountId }) => accountId),
      ["acc_one", "acc_two"],
    );
    await createAccount(db, { accountId: "acc_four", name: "n", shards: 4 });
    const second = await listAccounts(db, { limit: 10, sort: "oldest", cursor: first.next ?? "" });
    assert.deepEqual(
      second.items.map(({ accountId }) => accountId),
      ["acc_three", "acc_four"],
    );
  });

  test("a change merges metadata, null removes a member, and changes at once of different members all stay", async () => {
    const update = (change: Parameters<typeof updateAccount>[2]) =>
      db.transaction((tx) => updateAccount(tx, "acc_one", change));
    const changed = await update({ name: "Acme Inc", metadata: { tier: null, seat: "7" } });
    assert.deepEqual([changed.name, changed.metadata], ["Acme Inc", { crm: "42", seat: "7" }]);
    assert.deepEqual(await readAccount(db, "acc_one"), changed);
    assert.deepEqual((await update({ name: "Acme" })).metadata, changed.metadata);
    const results = await atOnce(5, (index) => update({ metadata: { [`m${index}`]: "x" } }));
    assert.equal(fulfilled(results).length, 5);
    assert.equal(Object.keys((await readAccount(db, "acc_one")).metadata).length, 7);
    await assert.rejects(
      db.transaction((tx) => updateAccount(tx, "acc_none", { name: "n" })),
      { code: "account_unknown" },
    );
  });
});
