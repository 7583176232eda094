import { FareboxError } from "../domain/farebox-error.ts";
import { lockAccount, refuseClosed } from "./accounts.ts";
import { microsOf, timeOfMicros } from "./cursor.ts";
import type { Queryable, Transaction } from "./database/database.ts";
import { constraintOf } from "./database/storage-error.ts";
import type { KeyRecord } from "./ledger.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "./page.ts";

/** A key as operators see it. Its text is not stored. */
export interface ApiKey {
  readonly keyId: string;
  readonly accountId: string;
  readonly name: string;
  /** Prefix and last four characters. */
  readonly hint: string;
  readonly state: "active" | "revoked";
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface NewKey {
  readonly keyId: string;
  readonly accountId: string;
  /** SHA-256 of the key's text, in hex. */
  readonly hashHex: string;
  readonly prefix: string;
  readonly hint: string;
  readonly name: string;
  readonly expiresAt: Date | null;
}

const COLUMNS = `key_id AS "keyId", account_id AS "accountId", name, hint, state, created_at AS "createdAt",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

/** Throws FareboxError `account_unknown`, `account_closed`, `key_expiry_past`, `key_exists`. */
export async function createKey(tx: Transaction, key: NewKey): Promise<ApiKey> {
  const account = await lockAccount(tx, key.accountId);
  if (account.state === "closed") refuseClosed(key.accountId);
  try {
    const [created] = await tx.query<ApiKey>(
      `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name, expires_at)
       SELECT $1, $2, $3, decode($4, 'hex'), $5, $6, $7, $8::timestamptz
       WHERE $8::timestamptz IS NULL OR $8::timestamptz > clock_timestamp()
       RETURNING ${COLUMNS}`,
      [key.keyId, key.accountId, account.shard, key.hashHex, key.prefix, key.hint, key.name, key.expiresAt],
    );
    return created ?? refusePastExpiry(key.expiresAt);
  } catch (error) {
    const constraint = constraintOf(error);
    if (constraint !== "keys_pkey" && constraint !== "keys_hash_key") throw error;
    throw new FareboxError("key_exists", `The key ${key.keyId} exists.`, { detail: { keyId: key.keyId } });
  }
}

/** Revokes for good. A key that is revoked already stays as it is. Throws FareboxError `key_unknown`. */
export async function revokeKey(db: Queryable, keyId: string): Promise<ApiKey> {
  const [revoked] = await db.query<ApiKey>(
    `UPDATE farebox.keys SET state = 'revoked', revoked_at = clock_timestamp(), changed_at = clock_timestamp()
     WHERE key_id = $1 AND state = 'active' RETURNING ${COLUMNS}`,
    [keyId],
  );
  return revoked ?? readKey(db, keyId);
}

/** Throws FareboxError `key_unknown`. */
export async function readKey(db: Queryable, keyId: string): Promise<ApiKey> {
  const [key] = await db.query<ApiKey>(`SELECT ${COLUMNS} FROM farebox.keys WHERE key_id = $1`, [keyId]);
  if (key === undefined) {
    throw new FareboxError("key_unknown", `There is no key ${keyId}.`, { detail: { keyId } });
  }
  return key;
}

/** An account's keys, newest first. Throws FareboxError `cursor_invalid`. */
export async function listKeys(db: Queryable, accountId: string, page: PageRequest): Promise<Page<ApiKey>> {
  const rows = await db.query<ApiKey & { micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.keys
     WHERE account_id = $1 AND ($2::bigint IS NULL OR (created_at, key_id) < (${timeOfMicros("$2")}, $3))
     ORDER BY created_at DESC, key_id DESC LIMIT $4`,
    [accountId, ...readPosition(page), readLimit(page)],
  );
  return renderPage(rows, page, (key) => key.keyId);
}

/** A key's caps are found through its account's pools, which are few; a search by account alone would read all its keys' caps. */
const FIND = {
  name: "find-key",
  text: `SELECT k.key_id AS "keyId", k.account_id AS "accountId", k.shard, k.name, k.state, k.scopes,
      ceil(extract(epoch FROM least(k.expires_at, s.expires_at) - clock_timestamp()) * 1000)::float8 AS "expiresInMs",
      a.state AS "accountState",
      ARRAY(
        SELECT c.credit_type FROM farebox.pools p
        JOIN farebox.key_caps c ON c.account_id = p.account_id AND c.credit_type = p.credit_type AND c.key_id = k.key_id
          AND c.shard = p.shard
        WHERE p.account_id = k.account_id AND p.shard = k.shard
      ) AS capped
    FROM (
      SELECT key_id, NULL::timestamptz AS expires_at FROM farebox.keys WHERE hash = decode($1, 'hex')
      UNION ALL
      SELECT key_id, expires_at FROM farebox.rotated_secrets WHERE hash = decode($1, 'hex')
    ) s
    JOIN farebox.keys k ON k.key_id = s.key_id
    JOIN farebox.accounts a ON a.account_id = k.account_id`,
};

/** The key whose text, or a text from before a rotation, has this hash (hex), in whatever state it is. */
export async function findKey(db: Queryable, hashHex: string): Promise<KeyRecord | undefined> {
  const [key] = await db.query<KeyRecord>(FIND, [hashHex]);
  return key;
}

function refusePastExpiry(expiresAt: Date | null): never {
  throw new FareboxError("key_expiry_past", "The key would be expired from the start. Give a later time.", {
    detail: { expiresAt: expiresAt?.toISOString() },
  });
}
