import type { Queryable } from "../database/database.ts";

/** What a key is called where reports name it. */
export interface KeyName {
  readonly keyId: string;
  readonly name: string;
  /** Prefix and last four characters. */
  readonly hint: string;
}

/** The names of those keys that the account has; others are left out. */
export async function readKeyNames(
  db: Queryable,
  accountId: string,
  keyIds: readonly string[],
): Promise<KeyName[]> {
  if (keyIds.length === 0) return [];
  return await db.query<KeyName>(
    `SELECT key_id AS "keyId", name, hint FROM farebox.keys WHERE account_id = $1 AND key_id = ANY ($2)`,
    [accountId, keyIds],
  );
}

/** The id of the account's key of this id or name; of several of that name the newest that works, else the newest. */
export async function findKeyNamed(
  db: Queryable,
  accountId: string,
  named: string,
): Promise<string | undefined> {
  const [key] = await db.query<{ keyId: string }>(
    `SELECT key_id AS "keyId" FROM farebox.keys WHERE account_id = $1 AND (key_id = $2 OR name = $2)
     ORDER BY (key_id = $2) DESC, (state = 'active') DESC, created_at DESC, key_id DESC LIMIT 1`,
    [accountId, named],
  );
  return key?.keyId;
}
