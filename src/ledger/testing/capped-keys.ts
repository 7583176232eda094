import assert from "node:assert/strict";
import type { Credits } from "../../domain/credits.ts";
import type { KeyCap } from "../../domain/key-cap.ts";
import type { Database } from "../database/database.ts";
import { type KeyCapState, readKeyCaps, setKeyCaps } from "../keys/key-caps.ts";
import type { PoolRef } from "../ledger.ts";
import { addKey, createPool, OF_POOL, placeEntries } from "./books.ts";

/** The condition that finds a key's rows; `$1` is its id. */
export const OF_KEY = "key_no = (SELECT key_no FROM farebox.keys WHERE key_id = $1)";

export const capOf = (change: Partial<KeyCap>): KeyCap => ({
  creditType: "credits",
  day: null,
  month: null,
  total: null,
  ...change,
});

/** What tests of caps do and read, on the database that the suite has opened. */
export function cappedKeys(database: () => Database) {
  const setCaps = ({ accountId, shard }: PoolRef, keyId: string, ...caps: KeyCap[]): Promise<void> =>
    database().transaction((tx) => setKeyCaps(tx, { accountId, shard, keyId }, caps));
  /** Changes the caps' row of a key. */
  const changeRow = (keyId: string, change: string): Promise<unknown> =>
    database().query(`UPDATE farebox.key_caps SET ${change} WHERE ${OF_KEY}`, [keyId]);
  /** All entries of a pool as if they had been written so many days ago; their usage is rolled up anew. */
  const moveBack = async (pool: PoolRef, days: number): Promise<void> => {
    const rows = await database().query<{ at: Date }>(
      `SELECT at - $3 * interval '24 hours' AS at FROM farebox.entries WHERE ${OF_POOL} ORDER BY seq`,
      [pool.accountId, pool.creditType, days],
    );
    const at = rows.map((row) => row.at);
    await placeEntries(database(), pool, at);
  };
  return {
    setCaps,
    changeRow,
    moveBack,
    readCaps: async (pool: PoolRef, keyId: string, creditType = "credits"): Promise<KeyCapState> => {
      const states = await readKeyCaps(database(), pool, [keyId]);
      return states.find(({ cap }) => cap.creditType === creditType) ?? assert.fail("no caps");
    },
    /** A pool, and a key on it with caps. */
    cappedKey: async (credits: Credits, caps: Partial<KeyCap>): Promise<{ pool: PoolRef; keyId: string }> => {
      const pool = await createPool(database(), credits);
      const { keyId } = await addKey(database(), pool);
      await setCaps(pool, keyId, capOf(caps));
      return { pool, keyId };
    },
    /** The key's caps and all entries of its pool as if everything had happened so many days ago. */
    age: async (pool: PoolRef, keyId: string, days: number): Promise<void> => {
      await moveBack(pool, days);
      const day = `day - ${days} * interval '24 hours'`;
      await changeRow(keyId, `day = ${day}, month = date_trunc('month', ${day}, 'UTC')`);
    },
  };
}
