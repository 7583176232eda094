import { type Queryable, type Statement, TRANSACTION_ATTEMPTS } from "../database/database.ts";
import { isTransactionVictim } from "../database/storage-error.ts";
import type { KeyUse } from "../ledger.ts";

/** A later use within it is not written: reports need no more, and a busy key costs each database one write a minute. */
const RESOLUTION_SECONDS = 60;

/** Skips rows that are locked: whoever changes a key must not wait for this, and on one server no order of locks is needed. */
const RECORD_KEYS = {
  name: "record-key-use",
  text: `UPDATE farebox.keys SET last_used_at = statement_timestamp() WHERE key_id IN (
      SELECT k.key_id FROM farebox.keys k
      WHERE k.key_id = ANY($1::text[]) AND coalesce(k.last_used_at, '-infinity')
        < statement_timestamp() - make_interval(secs => $2)
      FOR NO KEY UPDATE SKIP LOCKED
    )`,
};

const RECORD_SECRETS = {
  name: "record-secret-use",
  text: `UPDATE farebox.rotated_secrets SET last_used_at = statement_timestamp() WHERE hash IN (
      SELECT s.hash FROM farebox.rotated_secrets s
      WHERE s.hash IN (SELECT decode(h, 'hex') FROM unnest($1::text[]) h) AND coalesce(s.last_used_at, '-infinity')
        < statement_timestamp() - make_interval(secs => $2)
      FOR NO KEY UPDATE SKIP LOCKED
    )`,
};

/**
 * Writes that keys were used, and which of their texts from before a rotation still are, by the database's clock: at most
 * once a minute each, however many instances tell of it.
 */
export async function recordKeyUse(db: Queryable, uses: readonly KeyUse[]): Promise<void> {
  const keyIds = [...new Set(uses.map((use) => use.keyId))];
  const hashes = uses.map((use) => use.hashHex);
  await record(db, RECORD_KEYS, keyIds);
  await record(db, RECORD_SECRETS, hashes);
}

/**
 * Again when it was a deadlock's victim: on a cluster each server locks the rows of its own copy, in its own order. Whoever won has
 * noted these keys, so the next attempt mostly finds nothing to write.
 */
async function record(db: Queryable, statement: Statement, names: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await db.query(statement, [names, RESOLUTION_SECONDS]);
      return;
    } catch (error) {
      if (attempt === TRANSACTION_ATTEMPTS || !isTransactionVictim(error)) throw error;
    }
  }
}
