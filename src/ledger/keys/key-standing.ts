import type { Queryable } from "../database/database.ts";

/** How many keys of an account are not revoked. Exact while the account is locked: whoever creates a key locks it. */
export async function countKeys(db: Queryable, accountId: string): Promise<number> {
  const [row] = await db.query<{ count: bigint }>(
    "SELECT count(*) AS count FROM farebox.keys WHERE account_id = $1 AND state = 'active'",
    [accountId],
  );
  return Number(row?.count ?? 0n);
}

/** Whether the text with this hash (hex) is the key's present one, and not one from before a rotation. */
export async function isPresentText(db: Queryable, keyId: string, hashHex: string): Promise<boolean> {
  const rows = await db.query(
    "SELECT 1 AS one FROM farebox.keys WHERE key_id = $1 AND hash = decode($2, 'hex')",
    [keyId, hashHex],
  );
  return rows.length > 0;
}
