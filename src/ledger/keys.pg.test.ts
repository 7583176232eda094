import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { createAccount, setAccountState } from "./accounts.ts";
import type { Database } from "./database/database.ts";
import { KeyChanges } from "./key-changes.ts";
import { createKey, findKey, listKeys, type NewKey, readKey, revokeKey } from "./keys.ts";
import { atOnce, fulfilled, refusedCodes } from "./testing/at-once.ts";
import { eachDatabase } from "./testing/test-databases.ts";

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
        capped: [],
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
    const results = fulfilled(await atOnce(4, () => revokeKey(db, "key_revoked")));
    assert.equal(results.length, 4);
    assert.equal(new Set(results.map(({ revokedAt }) => revokedAt?.getTime())).size, 1);
    assert.equal((await findKey(db, key.hashHex))?.state, "revoked");
    await assert.rejects(revokeKey(db, "key_none"), { code: "key_unknown" });
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

  test("changes are told once: creation, revocation, and the account's suspension", async () => {
    const changes = new KeyChanges(db);
    assert.deepEqual(await changes.read(), []);
    // The second read looks back and tells what a transaction may have committed around the first.
    await changes.read();
    assert.deepEqual(await changes.read(), []);
    const key = newKey("key_watched");
    await create(key);
    assert.ok((await changes.read()).includes(key.hashHex));
    assert.deepEqual(await changes.read(), []);
    await revokeKey(db, "key_watched");
    assert.deepEqual(await changes.read(), [key.hashHex]);
    await db.transaction((tx) => setAccountState(tx, "acc_keys", "suspended"));
    assert.ok((await changes.read()).includes(key.hashHex));
    assert.deepEqual(await changes.read(), []);
  });

  // PGlite has one connection: nothing can be read while a transaction is open.
  if (kind === "postgres") {
    test("a change stamped before the last read and committed after it is told", async () => {
      await createAccount(db, { accountId: "acc_late", name: "n", shards: 1 });
      const key = newKey("key_late", { accountId: "acc_late" });
      await create(key);
      const changes = new KeyChanges(db);
      await changes.read();
      await changes.read();
      await db.transaction(async (tx) => {
        await revokeKey(tx, "key_late");
        assert.deepEqual(await changes.read(), []);
      });
      assert.deepEqual(await changes.read(), [key.hashHex]);
    });
  }

  test("a read that failed loses no change", async () => {
    const broken: Database = Object.create(db);
    let isBroken = false;
    broken.query = (...args) => (isBroken ? Promise.reject(new Error("cut")) : db.query(...args));
    await createAccount(db, { accountId: "acc_cut", name: "n", shards: 1 });
    const changes = new KeyChanges(broken);
    await changes.read();
    await changes.read();
    const key = newKey("key_cut", { accountId: "acc_cut" });
    await create(key);
    isBroken = true;
    await assert.rejects(changes.read(), /cut/);
    isBroken = false;
    assert.deepEqual(await changes.read(), [key.hashHex]);
  });
});
