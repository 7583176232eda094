import { FareboxError } from "../../domain/farebox-error.ts";
import { MAX_GRACE_SECONDS } from "../../domain/keys/grace.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import type { KeySecret } from "./key-secret.ts";
import { type ApiKey, insertOnce, lockLiveKey, lockOwner, readKey } from "./keys.ts";

/** Former texts of one key that may work at once: caches are told of each when the key changes. */
const MAX_IN_GRACE = 20;

/** A former text is kept for so long after its end: far longer than any cache goes without news of it. */
const KEEP_HOURS = 24;

const SWEEP_ROWS = 1000;

/**
 * Gives a key a new text. Its id, name, scopes, caps and usage stay. The text that it had works for `graceSeconds` more by
 * the database's clock (0: not any more), and those of earlier rotations until then or their own end, whichever is earlier:
 * who rotates because a text leaked, with a grace of 0, ends all of them. Rotations at once run one after the other.
 *
 * Throws FareboxError `key_unknown`, `key_revoked`, `key_expired`, `key_grace_full`, `key_exists`.
 */
export async function rotateKey(
  tx: Transaction,
  keyId: string,
  rotation: KeySecret & { readonly graceSeconds: number },
): Promise<ApiKey> {
  const { hashHex, prefix, hint, graceSeconds } = rotation;
  if (!(graceSeconds >= 0 && graceSeconds <= MAX_GRACE_SECONDS)) {
    throw new RangeError(`a grace of ${graceSeconds} seconds`);
  }
  await lockOwner(tx, keyId);
  const key = await lockLiveKey(tx, keyId);
  if (key.state === "expired") {
    throw new FareboxError("key_expired", `The key ${keyId} has expired. Give it a later expiry first.`, {
      detail: { keyId },
    });
  }
  if (graceSeconds > 0 && key.secretsInGrace.length >= MAX_IN_GRACE) refuseFull(keyId);
  // Read once: what this key's earlier texts end at is no later than what the present one does.
  const [grace] = await tx.query<{ now: string; until: string }>(
    `SELECT t.now::text, (t.now + make_interval(secs => $1))::text AS until FROM (SELECT clock_timestamp() AS now) t`,
    [graceSeconds],
  );
  if (grace === undefined) throw new Error("the database did not tell its time");
  await tx.query(
    `UPDATE farebox.rotated_secrets SET expires_at = $2::timestamptz WHERE key_id = $1 AND expires_at > $2::timestamptz`,
    [keyId, grace.until],
  );
  await tx.query(
    `INSERT INTO farebox.rotated_secrets (hash, key_id, hint, rotated_at, expires_at)
     SELECT hash, key_id, hint, $2::timestamptz, $3::timestamptz FROM farebox.keys WHERE key_id = $1`,
    [keyId, grace.now, grace.until],
  );
  await insertOnce(
    keyId,
    tx.query(
      `UPDATE farebox.keys SET hash = decode($2, 'hex'), prefix = $3, hint = $4, changed_at = statement_timestamp()
       WHERE key_id = $1`,
      [keyId, hashHex, prefix, hint],
    ),
  );
  return await readKey(tx, keyId);
}

/** Deletes former texts that are long over; returns how many. */
export async function sweepRotatedSecrets(db: Queryable): Promise<number> {
  const rows = await db.query(
    `DELETE FROM farebox.rotated_secrets WHERE hash IN (
       SELECT hash FROM farebox.rotated_secrets
       WHERE expires_at <= statement_timestamp() - make_interval(hours => $1) ORDER BY expires_at LIMIT $2
     ) RETURNING 1 AS one`,
    [KEEP_HOURS, SWEEP_ROWS],
  );
  return rows.length;
}

function refuseFull(keyId: string): never {
  throw new FareboxError(
    "key_grace_full",
    `${MAX_IN_GRACE} former texts of the key ${keyId} still work. Rotate with a grace of 0, which ends them.`,
    { detail: { keyId } },
  );
}
