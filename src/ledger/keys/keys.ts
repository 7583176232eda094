import { FareboxError } from "../../domain/farebox-error.ts";
import type { KeyCap } from "../../domain/key-cap.ts";
import { lockAccount, refuseClosed } from "../accounts/accounts.ts";
import { microsOf, timeOfMicros } from "../database/cursor.ts";
import type { Queryable, Statement, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
import { constraintOf } from "../database/storage-error.ts";
import type { KeyRecord } from "../ledger.ts";
import { setKeyCaps } from "./key-caps.ts";
import type { KeySecret } from "./key-secret.ts";

/** A key as operators see it. Its text is not stored. */
export interface ApiKey {
  readonly keyId: string;
  readonly accountId: string;
  readonly shard: number;
  readonly name: string;
  /** Prefix and last four characters. */
  readonly hint: string;
  /** `expired` by the database's clock when it was read. */
  readonly state: "active" | "expired" | "revoked";
  /** Match patterns; null: every endpoint. */
  readonly scopes: readonly string[] | null;
  /** Address ranges from which it may be used; null: from everywhere. */
  readonly addresses: readonly string[] | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  /** Of any of its texts; up to a minute old, and what was not yet written when an instance died is lost. */
  readonly lastUsedAt: Date | null;
  /** Texts from before rotations that still work, the one that ends first in front. */
  readonly secretsInGrace: readonly SecretInGrace[];
}

interface SecretInGrace {
  readonly hint: string;
  readonly rotatedAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface NewKey extends KeySecret {
  readonly keyId: string;
  readonly accountId: string;
  readonly name: string;
  /** Left out or null: every endpoint. */
  readonly scopes?: readonly string[] | null | undefined;
  /** Left out or null: from everywhere. */
  readonly addresses?: readonly string[] | null | undefined;
  /** The key's own; left out or none: the default caps of its account's plan. */
  readonly caps?: readonly KeyCap[] | undefined;
  readonly expiresAt: Date | null;
}

/** What is left out stays as it is; null removes. */
export interface KeyUpdate {
  readonly name?: string | undefined;
  readonly scopes?: readonly string[] | null | undefined;
  readonly addresses?: readonly string[] | null | undefined;
  /** The key's own; none: the default caps of its account's plan. */
  readonly caps?: readonly KeyCap[] | undefined;
  readonly expiresAt?: Date | null | undefined;
}

export interface KeyFilter {
  readonly state?: ApiKey["state"] | undefined;
  /** A part of the name or of the hint, in any letter case, or a whole id. */
  readonly search?: string | undefined;
}

/** By the statement's time: of volatile functions none may stand in a statement that writes (Citus). */
const STATE =
  "CASE WHEN state = 'active' AND expires_at <= statement_timestamp() THEN 'expired' ELSE state END";

const COLUMNS = `key_id AS "keyId", account_id AS "accountId", shard, name, hint, ${STATE} AS state, scopes, addresses,
  created_at AS "createdAt", expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt",
  ARRAY(
    SELECT jsonb_build_array(s.hint, s.rotated_at, s.expires_at, s.last_used_at) FROM farebox.rotated_secrets s
    WHERE s.key_id = keys.key_id AND s.expires_at > statement_timestamp() AND keys.state = 'active'
    ORDER BY s.expires_at, s.hash
  ) AS secrets`;

/** As {@link COLUMNS} has it. */
interface KeyRow extends Omit<ApiKey, "secretsInGrace"> {
  readonly secrets: readonly (readonly [string, string, string, string | null])[];
}

/** Throws FareboxError `account_unknown`, `account_closed`, `key_expiry_past`, `key_exists`. */
export async function createKey(tx: Transaction, key: NewKey): Promise<ApiKey> {
  const account = await lockAccount(tx, key.accountId);
  if (account.state === "closed") refuseClosed(key.accountId);
  const { keyId, accountId, hashHex, prefix, hint, name, scopes = null, addresses = null, expiresAt } = key;
  await refusePastExpiry(tx, expiresAt);
  await insertOnce(
    keyId,
    tx.query(
      `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name, scopes, addresses, expires_at)
       VALUES ($1, $2, $3, decode($4, 'hex'), $5, $6, $7, $8::jsonb, $9::jsonb, $10::timestamptz)`,
      [
        keyId,
        accountId,
        account.shard,
        hashHex,
        prefix,
        hint,
        name,
        renderList(scopes),
        renderList(addresses),
        expiresAt,
      ],
    ),
  );
  const { caps = [] } = key;
  if (caps.length > 0 || account.plan !== null) {
    await setKeyCaps(tx, { accountId, shard: account.shard, keyId }, caps);
  }
  return await readKey(tx, keyId);
}

/**
 * Renames a key, changes which endpoints it may call, from where, what it may spend, or when it expires: an expired one works again with
 * a later time.
 * Throws FareboxError `key_unknown`, `key_revoked`, `key_expiry_past`.
 */
export async function updateKey(tx: Transaction, keyId: string, update: KeyUpdate): Promise<ApiKey> {
  const owned = await lockOwner(tx, keyId);
  // Before the key's lock, because it takes those of pools.
  if (update.caps !== undefined) await setKeyCaps(tx, owned, update.caps);
  const key = await lockLiveKey(tx, keyId);
  const { name = key.name, scopes = key.scopes, addresses = key.addresses, expiresAt } = update;
  if (expiresAt !== undefined) await refusePastExpiry(tx, expiresAt);
  await tx.query(
    `UPDATE farebox.keys SET name = $2, scopes = $3::jsonb, addresses = $4::jsonb, changed_at = statement_timestamp(),
       expires_at = CASE WHEN $5 THEN $6::timestamptz ELSE expires_at END
     WHERE key_id = $1`,
    [keyId, name, renderList(scopes), renderList(addresses), expiresAt !== undefined, expiresAt],
  );
  return await readKey(tx, keyId);
}

/**
 * Revokes for good, with all texts that the key has. A key that is revoked already stays as it is. Throws FareboxError
 * `key_unknown`.
 */
export async function revokeKey(tx: Transaction, keyId: string): Promise<ApiKey> {
  await lockOwner(tx, keyId);
  await tx.query(
    `UPDATE farebox.keys SET state = 'revoked', revoked_at = statement_timestamp(), changed_at = statement_timestamp()
     WHERE key_id = $1 AND state = 'active'`,
    [keyId],
  );
  return await readKey(tx, keyId);
}

/** Throws FareboxError `key_unknown`. */
export async function readKey(db: Queryable, keyId: string): Promise<ApiKey> {
  const [key] = await db.query<KeyRow>(`SELECT ${COLUMNS} FROM farebox.keys WHERE key_id = $1`, [keyId]);
  return key === undefined ? refuseUnknown(keyId) : readRow(key);
}

/**
 * The key, with its account locked until the transaction ends: all changes of an account's keys run one after the other. A
 * key that acts on keys is judged under this lock, so what it does was done before it is limited, rotated away or revoked,
 * or not at all. Throws FareboxError `key_unknown`.
 */
export async function lockOwner(tx: Transaction, keyId: string): Promise<ApiKey> {
  const key = await readKey(tx, keyId);
  await lockAccount(tx, key.accountId);
  return key;
}

/**
 * The key, locked until the transaction ends. Locks are taken in the order account, pools, key. Throws FareboxError
 * `key_unknown`, `key_revoked`.
 */
export async function lockLiveKey(tx: Transaction, keyId: string): Promise<ApiKey> {
  const [row] = await tx.query<{ state: string }>(
    "SELECT state FROM farebox.keys WHERE key_id = $1 FOR UPDATE",
    [keyId],
  );
  if (row === undefined) refuseUnknown(keyId);
  if (row.state === "revoked") {
    throw new FareboxError("key_revoked", `The key ${keyId} is revoked, for good.`, { detail: { keyId } });
  }
  return readKey(tx, keyId);
}

/** An account's keys, newest first. Throws FareboxError `cursor_invalid`. */
export async function listKeys(
  db: Queryable,
  accountId: string,
  page: PageRequest,
  { state, search }: KeyFilter = {},
): Promise<Page<ApiKey>> {
  const rows = await db.query<KeyRow & { micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.keys
     WHERE account_id = $1 AND ($2::bigint IS NULL OR (created_at, key_id) < (${timeOfMicros("$2")}, $3))
       AND ($4::text IS NULL OR ${STATE} = $4)
       AND ($5::text IS NULL OR strpos(lower(name), lower($5)) > 0 OR strpos(lower(hint), lower($5)) > 0 OR key_id = $5)
     ORDER BY created_at DESC, key_id DESC LIMIT $6`,
    [accountId, ...readPosition(page), state, search, readLimit(page)],
  );
  return renderPage(rows.map(readRow), page, (key) => key.keyId);
}

/** Runs the statement that writes a key's id and hash. Throws FareboxError `key_exists` when one of them is in use. */
export async function insertOnce<Row>(keyId: string, written: Promise<Row[]>): Promise<Row[]> {
  try {
    return await written;
  } catch (error) {
    const constraint = constraintOf(error);
    if (constraint !== "keys_pkey" && constraint !== "keys_hash_key") throw error;
    throw new FareboxError("key_exists", `The key ${keyId} exists.`, { detail: { keyId } });
  }
}

/** The row as the key; further columns stay. */
function readRow<Row extends KeyRow>({ secrets, ...key }: Row): Omit<Row, "secrets"> & ApiKey {
  const secretsInGrace = secrets.map(([hint, rotatedAt, expiresAt, lastUsedAt]) => ({
    hint,
    rotatedAt: new Date(rotatedAt),
    expiresAt: new Date(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : new Date(lastUsedAt),
  }));
  return { ...key, secretsInGrace };
}

function renderList(texts: readonly string[] | null): string | null {
  return texts === null ? null : JSON.stringify([...new Set(texts)]);
}

function refuseUnknown(keyId: string): never {
  throw new FareboxError("key_unknown", `There is no key ${keyId}.`, { detail: { keyId } });
}

const FIND: Statement = {
  name: "find-key",
  isLocal: true,
  text: `SELECT k.key_id AS "keyId", k.account_id AS "accountId", k.shard, k.name, k.state, k.scopes, k.addresses, k.capped,
      ceil(extract(epoch FROM least(k.expires_at, s.expires_at) - clock_timestamp()) * 1000)::float8 AS "expiresInMs",
      a.state AS "accountState", p.name AS plan, coalesce(p.body -> 'limits', '[]') AS "planLimits",
      (SELECT l.version FROM farebox.price_lists l
        WHERE l.account_id = k.account_id AND l.ended_at IS NULL AND l.effective_at <= clock_timestamp()
          AND (l.until_at IS NULL OR l.until_at > clock_timestamp())
        ORDER BY l.effective_at DESC, l.version DESC LIMIT 1) AS "priceList",
      ceil(extract(epoch FROM least(
        CASE WHEN a.next_plan_at > clock_timestamp() THEN a.next_plan_at END,
        (SELECT min(CASE WHEN l.effective_at > clock_timestamp() THEN l.effective_at ELSE l.until_at END) FROM farebox.price_lists l
          WHERE l.account_id = k.account_id AND l.ended_at IS NULL AND (l.until_at IS NULL OR l.until_at > clock_timestamp()))
      ) - clock_timestamp()) * 1000)::float8 AS "changesInMs"
    FROM (
      SELECT key_id, NULL::timestamptz AS expires_at FROM farebox.keys WHERE hash = decode($1, 'hex')
      UNION ALL
      SELECT key_id, expires_at FROM farebox.rotated_secrets WHERE hash = decode($1, 'hex')
    ) s
    JOIN farebox.keys k ON k.key_id = s.key_id
    JOIN farebox.accounts a ON a.account_id = k.account_id
    LEFT JOIN farebox.plans p
      ON p.name = CASE WHEN a.next_plan_at <= clock_timestamp() THEN a.next_plan ELSE a.plan END`,
};

/** The key whose text, or a text from before a rotation, has this hash (hex), in whatever state it is. */
export async function findKey(db: Queryable, hashHex: string): Promise<KeyRecord | undefined> {
  const [key] = await db.query<KeyRecord>(FIND, [hashHex]);
  return key;
}

/** Throws FareboxError `key_expiry_past`. */
async function refusePastExpiry(db: Queryable, expiresAt: Date | null): Promise<void> {
  if (expiresAt === null) return;
  const [row] = await db.query<{ past: boolean }>("SELECT $1::timestamptz <= clock_timestamp() AS past", [
    expiresAt,
  ]);
  if (row?.past !== true) return;
  throw new FareboxError("key_expiry_past", "The key would be expired at once. Give a later time.", {
    detail: { expiresAt: expiresAt.toISOString() },
  });
}
