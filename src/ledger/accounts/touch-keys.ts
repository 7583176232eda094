import type { Queryable, Transaction } from "../database/database.ts";

/** Keys that one statement changes, in some 0.3 s: an account may have very many, and after 10 s a statement is cancelled. */
export const KEYS_AT_ONCE = 5_000;

/**
 * So many keys change with their account, in a second or two. The others follow in steps: a transaction that changes keys must be
 * committed within 60 s, because so far instances look back for them (see News), and keeps the account and its pools locked.
 */
export const KEYS_WITH_ACCOUNT = 20_000;

/** Some keys of an account, one after the other in the order of `keys_by_account`. */
export interface KeysChunk {
  readonly active: readonly number[];
  readonly others: readonly number[];
  /** Where the next ones begin; null when there are none. */
  readonly last: string | null;
}

/** The next keys of an account behind `after`, which is one of them, or '' before the first. */
export async function readKeysBehind(db: Queryable, accountId: string, after: string): Promise<KeysChunk> {
  const rows = await db.query<{ keyId: string; no: number; isActive: boolean }>(
    `SELECT key_id AS "keyId", key_no AS no, state = 'active' AS "isActive" FROM farebox.keys
     WHERE account_id = $1 AND (created_at, key_id) > (
       coalesce((SELECT created_at FROM farebox.keys WHERE key_id = $2), '-infinity'), $2::text COLLATE "C")
     ORDER BY created_at, key_id LIMIT $3`,
    [accountId, after, KEYS_AT_ONCE],
  );
  return {
    active: rows.flatMap(({ no, isActive }) => (isActive ? [no] : [])),
    others: rows.flatMap(({ no, isActive }) => (isActive ? [] : [no])),
    last: rows.length < KEYS_AT_ONCE ? null : (rows.at(-1)?.keyId ?? null),
  };
}

/** Writes down behind which key the others follow, or with null that none does. */
export async function writeKeysBehind(
  tx: Transaction,
  accountId: string,
  last: string | null,
): Promise<void> {
  await tx.query(
    "UPDATE farebox.accounts SET keys_behind = $2 WHERE account_id = $1 AND keys_behind IS DISTINCT FROM $2",
    [accountId, last],
  );
}

/**
 * Counts all keys of an account as changed, so that no instance goes on with a cached one: the first ones with this transaction, the
 * others soon after it ({@link KEYS_WITH_ACCOUNT}). The account's row is locked.
 */
export async function touchKeys(tx: Transaction, accountId: string): Promise<void> {
  let last: string | null = "";
  for (let done = 0; last !== null && done < KEYS_WITH_ACCOUNT; done += KEYS_AT_ONCE) {
    const chunk = await readKeysBehind(tx, accountId, last);
    await touch(tx, [...chunk.active, ...chunk.others]);
    last = chunk.last;
  }
  // Keys that are behind already have to follow a plan too, from wherever it was.
  await tx.query(
    `UPDATE farebox.accounts SET keys_behind = CASE WHEN keys_behind IS NULL THEN $2 ELSE '' END
     WHERE account_id = $1 AND (keys_behind IS NOT NULL OR $2::text IS NOT NULL)`,
    [accountId, last],
  );
}

/** Counts these keys as changed, at this moment. */
export async function touch(tx: Transaction, keyNos: readonly number[]): Promise<void> {
  if (keyNos.length === 0) return;
  // As text: a Date has lost three digits. Not in the UPDATE itself, which Citus would refuse.
  const [clock] = await tx.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
  if (clock === undefined) throw new Error("the database told no time");
  await tx.query("UPDATE farebox.keys SET changed_at = $2::timestamptz WHERE key_no = ANY ($1::int[])", [
    keyNos,
    clock.now,
  ]);
}
