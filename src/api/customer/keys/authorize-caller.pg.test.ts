import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import type { AccountRequest } from "../../../contract/account-endpoint.ts";
import { formatId, ID_RANDOM_BYTES } from "../../../domain/ids.ts";
import type { Database, Transaction } from "../../../ledger/database/database.ts";
import { issueKeySecret } from "../../../ledger/keys/key-secret.ts";
import { createKey, findKey, revokeKey, updateKey } from "../../../ledger/keys/keys.ts";
import { rotateKey } from "../../../ledger/keys/rotate-key.ts";
import type { PoolRef } from "../../../ledger/ledger.ts";
import { refusedCodes } from "../../../ledger/testing/at-once.ts";
import { createPool } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { lockManager, lockTarget } from "./authorize-caller.ts";

/** Who found a key's text, and what they ask for with it. */
interface Thief {
  readonly caller: AccountRequest;
  readonly keyId: string;
}

eachDatabase("whoever acts with a text while an operator ends it", (openFresh) => {
  let db: Database;
  let pool: PoolRef;
  before(async () => {
    db = await openFresh();
    pool = await createPool(db, 1000n);
  });

  async function steal(): Promise<Thief> {
    const { text, secret } = issueKeySecret("fbx");
    const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
    const { accountId, shard } = pool;
    await db.transaction((tx) =>
      createKey(tx, { ...secret, keyId, accountId, name: "leaked", expiresAt: null }),
    );
    const caller: AccountRequest = {
      accountId,
      shard,
      keyId,
      scopes: undefined,
      keyText: text,
      method: "POST",
      path: "/",
      query: "",
      header: () => undefined,
      body: "",
      context: { requestId: "req_1" } as AccountRequest["context"],
    };
    return { caller, keyId };
  }

  /** Starts what the thief asks when the operator's transaction has done its work, and lets that commit once the thief waits for it. */
  async function race(
    operate: (tx: Transaction) => Promise<unknown>,
    theft: (tx: Transaction) => Promise<unknown>,
  ): Promise<PromiseSettledResult<unknown>> {
    const results: PromiseSettledResult<unknown>[] = [];
    let stolen: Promise<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      await operate(tx);
      stolen = Promise.allSettled([db.transaction(theft)]).then((ended) => results.push(...ended));
      // PGlite has one connection: there the thief waits for the transaction anyway.
      while (db.kind === "postgres" && results.length === 0) {
        const [waiting] = await db.query(
          `SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        if (waiting !== undefined) break;
      }
    });
    await stolen;
    const [result] = results;
    return result ?? assert.fail("the thief was never there");
  }

  function assertRefused(result: PromiseSettledResult<unknown>): void {
    assert.deepEqual(refusedCodes([result]), ["action_not_permitted"]);
  }

  const countKeys = async (): Promise<number> => {
    const rows = await db.query("SELECT 1 AS one FROM keys WHERE account_id = $1", [pool.accountId]);
    return rows.length;
  };

  async function createWith(tx: Transaction, { caller }: Thief): Promise<void> {
    await lockManager(tx, caller);
    const { secret } = issueKeySecret("fbx");
    const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
    await createKey(tx, { ...secret, keyId, accountId: pool.accountId, name: "theirs", expiresAt: null });
  }

  test("a text that is rotated away without a grace rotates nothing", async () => {
    const thief = await steal();
    const good = issueKeySecret("fbx");
    const theirs = issueKeySecret("fbx");
    const result = await race(
      (tx) => rotateKey(tx, thief.keyId, { ...good.secret, graceSeconds: 0 }),
      async (tx) => {
        await lockTarget(tx, thief.caller, thief.keyId);
        await rotateKey(tx, thief.keyId, { ...theirs.secret, graceSeconds: 0 });
      },
    );
    assertRefused(result);
    assert.equal((await findKey(db, hash("sha256", good.text, "hex")))?.keyId, thief.keyId);
    assert.equal(await findKey(db, hash("sha256", theirs.text, "hex")), undefined);
  });

  test("nor makes it, or a revoked or limited one, keys that were not there when the operator's answer came", async () => {
    const ends: ((tx: Transaction, keyId: string) => Promise<unknown>)[] = [
      (tx, keyId) => rotateKey(tx, keyId, { ...issueKeySecret("fbx").secret, graceSeconds: 0 }),
      revokeKey,
      (tx, keyId) => updateKey(tx, keyId, { scopes: ["GET /a"] }),
    ];
    for (const end of ends) {
      const thief = await steal();
      const count = await countKeys();
      assertRefused(
        await race(
          (tx) => end(tx, thief.keyId),
          (tx) => createWith(tx, thief),
        ),
      );
      assert.equal(await countKeys(), count);
    }
  });
});
