import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createAccount } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { News } from "../instance/news.ts";
import { atOnce, fulfilled } from "../testing/at-once.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { issueKeySecret, type KeySecret } from "./key-secret.ts";
import { createKey, findKey, readKey, revokeKey, updateKey } from "./keys.ts";
import { rotateKey, sweepRotatedSecrets } from "./rotate-key.ts";

const newSecret = (): KeySecret => issueKeySecret("fbx").secret;

eachDatabase("rotating keys", (openFresh) => {
  let db: Database;
  let count = 0;

  before(async () => {
    db = await openFresh();
    await createAccount(db, { accountId: "acc_rotate", name: "n", shards: 4 });
  });

  async function create(expiresAt: Date | null = null): Promise<KeySecret & { keyId: string }> {
    count += 1;
    const keyId = `key_${count}`;
    const secret = newSecret();
    const key = { ...secret, keyId, accountId: "acc_rotate", name: "n", scopes: ["GET /a"], expiresAt };
    await db.transaction((tx) => createKey(tx, key));
    return { ...secret, keyId };
  }

  async function rotate(keyId: string, graceSeconds: number): Promise<KeySecret> {
    const secret = newSecret();
    await db.transaction((tx) => rotateKey(tx, keyId, { ...secret, graceSeconds }));
    return secret;
  }

  /** Which key the text is, if it works. */
  async function works(secret: KeySecret): Promise<string | undefined> {
    const found = await findKey(db, secret.hashHex);
    if (found === undefined || found.state !== "active") return undefined;
    return found.expiresInMs !== null && found.expiresInMs <= 0 ? undefined : found.keyId;
  }

  /** Moves the end of all graces into the past, as if the time had passed. */
  const pass = (keyId: string, interval: string): Promise<unknown> =>
    db.query("UPDATE farebox.rotated_secrets SET expires_at = expires_at - $2::interval WHERE key_id = $1", [
      keyId,
      interval,
    ]);

  test("a rotated key keeps everything but its text; the old one works until its grace ends", async () => {
    const old = await create();
    const created = await readKey(db, old.keyId);
    const next = await rotate(old.keyId, 3600);
    const after = await readKey(db, old.keyId);
    assert.deepEqual({ ...after, hint: created.hint, secretsInGrace: [] }, created);
    assert.deepEqual(
      after.secretsInGrace.map(({ hint, lastUsedAt }) => ({ hint, lastUsedAt })),
      [{ hint: old.hint, lastUsedAt: null }],
    );
    assert.equal(await works(old), old.keyId);
    assert.equal(await works(next), old.keyId);
    const inMs = (await findKey(db, old.hashHex))?.expiresInMs ?? 0;
    assert.ok(inMs > 3_590_000 && inMs <= 3_600_000, String(inMs));
    assert.equal((await findKey(db, next.hashHex))?.expiresInMs, null);
    assert.deepEqual((await findKey(db, old.hashHex))?.scopes, ["GET /a"]);
    await pass(old.keyId, "3601 seconds");
    assert.equal(await works(old), undefined);
    assert.equal(await works(next), old.keyId);
    assert.deepEqual((await readKey(db, old.keyId)).secretsInGrace, []);
  });

  test("a grace of 0 ends the old text at once, and those of earlier rotations", async () => {
    const first = await create();
    const second = await rotate(first.keyId, 86_400);
    const third = await rotate(first.keyId, 0);
    assert.deepEqual(await Promise.all([works(first), works(second), works(third)]), [
      undefined,
      undefined,
      first.keyId,
    ]);
  });

  test("a rotation shortens earlier graces and never lengthens them", async () => {
    const first = await create();
    await rotate(first.keyId, 60);
    await rotate(first.keyId, 3600);
    await rotate(first.keyId, 600);
    const { secretsInGrace } = await readKey(db, first.keyId);
    const left = secretsInGrace.map(({ expiresAt }) =>
      Math.round((expiresAt.getTime() - Date.now()) / 30_000),
    );
    assert.deepEqual(left, [2, 20, 20]);
  });

  test("a text in grace ends with the key's expiry, if that is earlier, and with its revocation", async () => {
    const old = await create(new Date(Date.now() + 60_000));
    const next = await rotate(old.keyId, 3600);
    const inMs = (await findKey(db, old.hashHex))?.expiresInMs ?? 0;
    assert.ok(inMs > 50_000 && inMs <= 60_001, String(inMs));
    const revoked = await db.transaction((tx) => revokeKey(tx, old.keyId));
    assert.deepEqual(revoked.secretsInGrace, []);
    assert.deepEqual(await Promise.all([works(old), works(next)]), [undefined, undefined]);
  });

  test("rotations at once run one after the other: each text was the key's, the last one is", async () => {
    const old = await create();
    const secrets = Array.from({ length: 6 }, () => newSecret());
    const results = await atOnce(6, (index) =>
      db.transaction((tx) =>
        rotateKey(tx, old.keyId, { ...newSecret(), ...secrets[index], graceSeconds: 600 }),
      ),
    );
    assert.equal(fulfilled(results).length, 6);
    for (const secret of [old, ...secrets]) assert.equal(await works(secret), old.keyId);
    const key = await readKey(db, old.keyId);
    assert.equal(key.secretsInGrace.length, 6);
    const hints = [key.hint, ...key.secretsInGrace.map(({ hint }) => hint)];
    assert.deepEqual(hints.toSorted(), [old, ...secrets].map(({ hint }) => hint).toSorted());
  });

  test("a rotation and a revocation at once leave nothing that works", async () => {
    for (let round = 0; round < 5; round += 1) {
      const old = await create();
      const next = newSecret();
      await atOnce(2, (index) =>
        db.transaction((tx) =>
          index === 0 ? revokeKey(tx, old.keyId) : rotateKey(tx, old.keyId, { ...next, graceSeconds: 600 }),
        ),
      );
      assert.deepEqual(await Promise.all([works(old), works(next)]), [undefined, undefined]);
    }
  });

  test("unknown, revoked and expired keys are not rotated, and 20 texts in grace are enough", async () => {
    await assert.rejects(rotate("key_none", 0), { code: "key_unknown" });
    const revoked = await create();
    await db.transaction((tx) => revokeKey(tx, revoked.keyId));
    await assert.rejects(rotate(revoked.keyId, 0), { code: "key_revoked" });
    const expired = await create();
    await db.query("UPDATE farebox.keys SET expires_at = clock_timestamp() WHERE key_id = $1", [
      expired.keyId,
    ]);
    await assert.rejects(rotate(expired.keyId, 0), { code: "key_expired" });
    const full = await create();
    for (let times = 0; times < 20; times += 1) await rotate(full.keyId, 600);
    await assert.rejects(rotate(full.keyId, 600), { code: "key_grace_full" });
    await rotate(full.keyId, 0);
    await rotate(full.keyId, 600);
    assert.equal((await readKey(db, full.keyId)).secretsInGrace.length, 1);
  });

  test("a change of a key is told for each of its texts, the one that was just rotated out included", async () => {
    const old = await create();
    const news = new News(db);
    const told = async (): Promise<string[]> => {
      const { changedKeys: hashes } = await news.read();
      return hashes.filter((hash) => mine.has(hash)).toSorted();
    };
    const mine = new Set([old.hashHex]);
    await news.read();
    await news.read();
    const next = await rotate(old.keyId, 0);
    mine.add(next.hashHex);
    assert.deepEqual(await told(), [...mine].toSorted());
    assert.deepEqual(await told(), []);
    await db.transaction((tx) => updateKey(tx, old.keyId, { scopes: null }));
    assert.deepEqual(await told(), [...mine].toSorted());
    await db.transaction((tx) => revokeKey(tx, old.keyId));
    assert.deepEqual(await told(), [...mine].toSorted());
  });

  test("texts are forgotten a day after their end", async () => {
    const old = await create();
    await rotate(old.keyId, 0);
    await pass(old.keyId, "23 hours");
    await sweepRotatedSecrets(db);
    assert.ok((await findKey(db, old.hashHex)) !== undefined);
    await pass(old.keyId, "1 hour");
    assert.ok((await sweepRotatedSecrets(db)) > 0);
    assert.equal(await findKey(db, old.hashHex), undefined);
  });
});
