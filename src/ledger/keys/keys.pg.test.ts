import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { createAccount, readAccount, setAccountState } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { News } from "../instance/news.ts";
import { atOnce, fulfilled, refusedCodes } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { setKeyCaps } from "./key-caps.ts";
import {
  createKey,
  findKey,
  type KeyFilter,
  type KeyUpdate,
  listKeys,
  type NewKey,
  readKey,
  revokeKey,
  updateKey,
} from "./keys.ts";

function newKey(keyId: string, more: Partial<NewKey> = {}): NewKey {
  return {
    keyId,
    accountId: "acc_keys",
    hashHex: randomBytes(32).toString("hex"),
    prefix: "fbx",
    hint: "fbx_…9zKq",
    name: "production",
    expiresAt: null,
    ...more,
  };
}

eachDatabase("keys", (openFresh, kind) => {
  let db: Database;
  const create = (key: NewKey) => db.transaction((tx) => createKey(tx, key));

  before(async () => {
    db = await openFresh();
    await createAccount(db, { accountId: "acc_keys", name: "n", shards: 4 });
  });

  test("a created key is found by its hash, with its account's shard and state", async () => {
    const key = newKey("key_found");
    const created = await create(key);
    assert.deepEqual(await readKey(db, "key_found"), created);
    const found = await findKey(db, key.hashHex);
    assert.ok(found !== undefined && found.shard < 4);
    assert.deepEqual(
      { ...found, shard: 0 },
      {
        keyId: "key_found",
        accountId: "acc_keys",
        shard: 0,
        name: "production",
        state: "active",
        expiresInMs: null,
        accountState: "active",
        scopes: null,
        addresses: null,
        capped: [],
        plan: null,
        priceList: null,
        planLimits: [],
        changesInMs: null,
      },
    );
  });

  test("an unknown hash finds nothing", async () => {
    assert.equal(await findKey(db, randomBytes(32).toString("hex")), undefined);
  });

  test("expiry is told in milliseconds by the database's clock", async () => {
    const key = newKey("key_expiring", { expiresAt: new Date(Date.now() + 60_000) });
    await create(key);
    const inMs = (await findKey(db, key.hashHex))?.expiresInMs ?? 0;
    assert.ok(inMs > 50_000 && inMs <= 60_001, String(inMs));
    await db.query("UPDATE keys SET expires_at = clock_timestamp() - interval '1 second' WHERE key_id = $1", [
      "key_expiring",
    ]);
    const after = (await findKey(db, key.hashHex))?.expiresInMs ?? 1;
    assert.ok(after <= -1000, String(after));
  });

  test("a key is found with its scopes, and with the credit types in which it is capped", async () => {
    const key = newKey("key_narrow", { scopes: ["GET /a", "* /b/*"] });
    const { shard } = await create(key).then(() => readAccount(db, "acc_keys"));
    assert.deepEqual((await findKey(db, key.hashHex))?.scopes, ["GET /a", "* /b/*"]);
    assert.deepEqual((await findKey(db, key.hashHex))?.capped, []);
    const ref = { accountId: "acc_keys", shard, keyId: "key_narrow" };
    const capOf = (creditType: string) => ({ creditType, day: 5n, month: null, total: null });
    const news = new News(db);
    await news.read();
    await news.read();
    await db.transaction((tx) => setKeyCaps(tx, ref, [capOf("search"), capOf("collect")]));
    assert.deepEqual([...((await findKey(db, key.hashHex))?.capped ?? [])].toSorted(), ["collect", "search"]);
    assert.deepEqual((await news.read()).changedKeys, [key.hashHex]);
    await db.transaction((tx) => setKeyCaps(tx, ref, []));
    assert.deepEqual((await findKey(db, key.hashHex))?.capped, []);
    assert.deepEqual((await news.read()).changedKeys, [key.hashHex]);
  });

  test("an update changes what it names, and null removes", async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const key = newKey("key_updated", { scopes: ["GET /a"], expiresAt });
    const created = await create(key);
    const update = (change: KeyUpdate) => db.transaction((tx) => updateKey(tx, "key_updated", change));
    assert.deepEqual(await update({}), created);
    assert.deepEqual(await update({ name: "other" }), { ...created, name: "other" });
    assert.deepEqual((await update({ scopes: ["POST /b"] })).scopes, ["POST /b"]);
    assert.deepEqual((await findKey(db, key.hashHex))?.scopes, ["POST /b"]);
    assert.deepEqual(await update({ scopes: null, expiresAt: null }), {
      ...created,
      name: "other",
      scopes: null,
      expiresAt: null,
    });
    await assert.rejects(update({ name: "lost", expiresAt: new Date(0) }), { code: "key_expiry_past" });
    assert.equal((await readKey(db, "key_updated")).name, "other");
    await db.transaction((tx) => revokeKey(tx, "key_updated"));
    await assert.rejects(update({ name: "x" }), { code: "key_revoked" });
    await assert.rejects(
      db.transaction((tx) => updateKey(tx, "key_none", { name: "x" })),
      { code: "key_unknown" },
    );
  });

  test("an expired key works again with a later expiry", async () => {
    await create(newKey("key_revived"));
    await db.query("UPDATE farebox.keys SET expires_at = clock_timestamp() WHERE key_id = 'key_revived'");
    assert.equal((await readKey(db, "key_revived")).state, "expired");
    const expiresAt = new Date(Date.now() + 60_000);
    assert.equal((await db.transaction((tx) => updateKey(tx, "key_revived", { expiresAt }))).state, "active");
  });

  test("a key is refused for an unknown or closed account, in the past, and under a used id", async () => {
    await createAccount(db, { accountId: "acc_closed", name: "n", shards: 1 });
    await db.transaction((tx) => setAccountState(tx, "acc_closed", "closed"));
    await create(newKey("key_used"));
    await assert.rejects(create(newKey("key_x", { accountId: "acc_none" })), { code: "account_unknown" });
    await assert.rejects(create(newKey("key_x", { accountId: "acc_closed" })), { code: "account_closed" });
    await assert.rejects(create(newKey("key_x", { expiresAt: new Date(0) })), { code: "key_expiry_past" });
    await assert.rejects(create(newKey("key_used")), { code: "key_exists" });
    await assert.rejects(readKey(db, "key_x"), { code: "key_unknown" });
  });

  test("of two creations of one key at once, one creates it", async () => {
    const key = newKey("key_twice");
    const results = await atOnce(2, () => create(key));
    assert.equal(fulfilled(results).length, 1);
    assert.deepEqual(refusedCodes(results), ["key_exists"]);
  });

  test("revoking is final and done once, however many do it at once", async () => {
    const key = newKey("key_revoked");
    await create(key);
    const results = fulfilled(await atOnce(4, () => db.transaction((tx) => revokeKey(tx, "key_revoked"))));
    assert.equal(results.length, 4);
    assert.equal(new Set(results.map(({ revokedAt }) => revokedAt?.getTime())).size, 1);
    assert.equal((await findKey(db, key.hashHex))?.state, "revoked");
    await assert.rejects(
      db.transaction((tx) => revokeKey(tx, "key_none")),
      { code: "key_unknown" },
    );
  });

  test("an account's keys are listed, newest first, over pages, and no other account's", async () => {
    await createAccount(db, { accountId: "acc_list", name: "n", shards: 4 });
    for (const name of ["a", "b", "c"]) await create(newKey(`key_list_${name}`, { accountId: "acc_list" }));
    const first = await listKeys(db, "acc_list", { limit: 2 });
    const second = await listKeys(db, "acc_list", { limit: 2, cursor: first.next ?? undefined });
    assert.deepEqual(
      [...first.items, ...second.items].map(({ keyId }) => keyId),
      ["key_list_c", "key_list_b", "key_list_a"],
    );
    assert.equal(second.next, null);
  });

  test("a list of keys is filtered by state and by name, hint or id", async () => {
    await createAccount(db, { accountId: "acc_filter", name: "n", shards: 4 });
    const add = (name: string, hint: string, keyId: string) =>
      create(newKey(keyId, { accountId: "acc_filter", name, hint }));
    await add("Production 100%", "fbx_...aaaa", "key_filter_1");
    await add("staging", "fbx_...bbbb", "key_filter_2");
    await add("old", "fbx_...cccc", "key_filter_3");
    await db.transaction((tx) => revokeKey(tx, "key_filter_3"));
    await db.query("UPDATE farebox.keys SET expires_at = clock_timestamp() WHERE key_id = 'key_filter_2'");
    const found = async (filter: KeyFilter): Promise<string[]> =>
      (await listKeys(db, "acc_filter", { limit: 10 }, filter)).items.map(({ keyId }) => keyId.slice(-1));
    assert.deepEqual(await found({}), ["3", "2", "1"]);
    assert.deepEqual(await found({ state: "active" }), ["1"]);
    assert.deepEqual(await found({ state: "expired" }), ["2"]);
    assert.deepEqual(await found({ state: "revoked" }), ["3"]);
    assert.deepEqual(await found({ search: "PROD" }), ["1"]);
    assert.deepEqual(await found({ search: "%" }), ["1"]);
    assert.deepEqual(await found({ search: "bbbb" }), ["2"]);
    assert.deepEqual(await found({ search: "key_filter_3" }), ["3"]);
    assert.deepEqual(await found({ search: "key_filter" }), []);
    assert.deepEqual(await found({ search: "prod", state: "revoked" }), []);
  });

  test("changes are told once: creation, revocation, and the account's suspension", async () => {
    const news = new News(db);
    assert.deepEqual((await news.read()).changedKeys, []);
    // The second read looks back and tells what a transaction may have committed around the first.
    await news.read();
    assert.deepEqual((await news.read()).changedKeys, []);
    const key = newKey("key_watched");
    await create(key);
    assert.ok((await news.read()).changedKeys.includes(key.hashHex));
    assert.deepEqual((await news.read()).changedKeys, []);
    await db.transaction((tx) => revokeKey(tx, "key_watched"));
    assert.deepEqual((await news.read()).changedKeys, [key.hashHex]);
    await db.transaction((tx) => setAccountState(tx, "acc_keys", "suspended"));
    assert.ok((await news.read()).changedKeys.includes(key.hashHex));
    assert.deepEqual((await news.read()).changedKeys, []);
  });

  // PGlite has one connection: nothing can be read while a transaction is open.
  if (kind === "postgres") {
    test("a change stamped before the last read and committed after it is told", async () => {
      await createAccount(db, { accountId: "acc_late", name: "n", shards: 1 });
      const key = newKey("key_late", { accountId: "acc_late" });
      await create(key);
      const news = new News(db);
      await news.read();
      await news.read();
      await db.transaction(async (tx) => {
        await revokeKey(tx, "key_late");
        assert.deepEqual((await news.read()).changedKeys, []);
      });
      assert.deepEqual((await news.read()).changedKeys, [key.hashHex]);
    });
  }

  test("a read that failed loses no change", async () => {
    const broken: Database = Object.create(db);
    let isBroken = false;
    broken.query = (...args) => (isBroken ? Promise.reject(new Error("cut")) : db.query(...args));
    await createAccount(db, { accountId: "acc_cut", name: "n", shards: 1 });
    const news = new News(broken);
    await news.read();
    await news.read();
    const key = newKey("key_cut", { accountId: "acc_cut" });
    await create(key);
    isBroken = true;
    await assert.rejects(news.read(), /cut/);
    isBroken = false;
    assert.deepEqual((await news.read()).changedKeys, [key.hashHex]);
  });
});
