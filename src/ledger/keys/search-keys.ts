import type { Queryable } from "../database/database.ts";

/** A key that was looked for by what its owner has of it. */
export interface SoughtKey {
  readonly keyId: string;
  readonly accountName: string;
  readonly accountState: "active" | "suspended" | "closed";
  /** The text that was looked for is one from before a rotation: it may work until its grace ends. */
  readonly isFormer: boolean;
}

/** Keys that share a hint; more are not told. */
const MOST_KEYS = 50;

const SOUGHT = `k.key_id AS "keyId", a.name AS "accountName", a.state AS "accountState", f.former AS "isFormer"`;

/** The key whose text, present or former, has this SHA-256 (hex), in whatever state it is: none or one. */
export async function searchKeysByHash(db: Queryable, hashHex: string): Promise<SoughtKey[]> {
  return await db.query<SoughtKey>(
    `SELECT ${SOUGHT}
     FROM (
       SELECT key_id, false AS former FROM farebox.keys WHERE hash = decode($1, 'hex')
       UNION ALL
       SELECT key_id, true FROM farebox.rotated_secrets WHERE hash = decode($1, 'hex')
     ) f
     JOIN farebox.keys k ON k.key_id = f.key_id JOIN farebox.accounts a ON a.account_id = k.account_id`,
    [hashHex],
  );
}

/** Keys with this hint, or with these last four characters, by present and former texts; the newest first. */
export async function searchKeysByHint(db: Queryable, hint: string): Promise<SoughtKey[]> {
  return await db.query<SoughtKey>(
    `SELECT ${SOUGHT}
     FROM (
       SELECT key_id, false AS former FROM farebox.keys
       WHERE "right"(hint, 4) = "right"($1, 4) AND (length($1) = 4 OR hint = $1)
       UNION ALL
       SELECT key_id, true FROM farebox.rotated_secrets
       WHERE "right"(hint, 4) = "right"($1, 4) AND (length($1) = 4 OR hint = $1)
     ) f
     JOIN farebox.keys k ON k.key_id = f.key_id JOIN farebox.accounts a ON a.account_id = k.account_id
     ORDER BY k.created_at DESC, k.key_id LIMIT ${MOST_KEYS}`,
    [hint],
  );
}
