import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { addKey } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { issueKeySecret } from "./key-secret.ts";
import { recordKeyUse } from "./key-use.ts";
import { readKey } from "./keys.ts";
import { rotateKey } from "./rotate-key.ts";

eachDatabase("the last use of keys", (openFresh, kind) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
    await createAccount(db, { accountId: "acc_use", name: "n", shards: 4 });
  });

  async function create(keyId: string): Promise<string> {
    const { hashHex } = await addKey(db, { accountId: "acc_use" }, { keyId });
    return hashHex;
  }

  test("is written by the database's clock, and at most once a minute", async () => {
    const hashHex = await create("key_used");
    await create("key_idle");
    const changedAt = (): Promise<unknown> =>
      db.query("SELECT changed_at::text FROM farebox.keys WHERE key_id = 'key_used'");
    const changed = await changedAt();
    assert.equal(
      fulfilled(await atOnce(4, () => recordKeyUse(db, [{ keyId: "key_used", hashHex }]))).length,
      4,
    );
    const first = (await readKey(db, "key_used")).lastUsedAt;
    assert.ok(first !== null && Math.abs(first.getTime() - Date.now()) < 60_000);
    await recordKeyUse(db, [{ keyId: "key_used", hashHex }]);
    assert.deepEqual((await readKey(db, "key_used")).lastUsedAt, first);
    await db.query("UPDATE farebox.keys SET last_used_at = last_used_at - interval '61 seconds'");
    await recordKeyUse(db, [{ keyId: "key_used", hashHex }]);
    const second = (await readKey(db, "key_used")).lastUsedAt;
    assert.ok(second !== null && second >= first);
    assert.equal((await readKey(db, "key_idle")).lastUsedAt, null);
    // A use is no change: caches are told of changes, and must not be told at every minute.
    assert.deepEqual(await changedAt(), changed);
  });

  test("tells whether a text from before a rotation is still used", async () => {
    const old = await create("key_rotated");
    const { secret: next } = issueKeySecret("fbx");
    await db.transaction((tx) => rotateKey(tx, "key_rotated", { ...next, graceSeconds: 600 }));
    await recordKeyUse(db, [{ keyId: "key_rotated", hashHex: next.hashHex }]);
    const unused = await readKey(db, "key_rotated");
    assert.ok(unused.lastUsedAt !== null);
    assert.equal(unused.secretsInGrace[0]?.lastUsedAt, null);
    await recordKeyUse(db, [{ keyId: "key_rotated", hashHex: old }]);
    assert.ok((await readKey(db, "key_rotated")).secretsInGrace[0]?.lastUsedAt instanceof Date);
  });

  test("of unknown keys and of no key is nothing", async () => {
    await recordKeyUse(db, []);
    await recordKeyUse(db, [{ keyId: "key_none", hashHex: "00".repeat(32) }]);
  });

  // PGlite has one connection: nothing can be written while a transaction is open.
  if (kind === "postgres") {
    test("waits for nobody who changes the key", async () => {
      const hashHex = await create("key_locked");
      await db.transaction(async (tx) => {
        await tx.query("SELECT 1 FROM farebox.keys WHERE key_id = 'key_locked' FOR UPDATE");
        await recordKeyUse(db, [{ keyId: "key_locked", hashHex }]);
      });
      assert.equal((await readKey(db, "key_locked")).lastUsedAt, null);
    });
  }
});
