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
