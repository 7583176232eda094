import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";

export interface OperatorResponse {
  readonly status: number;
  readonly body: unknown;
}

/** How long a key is remembered: the same day that customers' keys are kept by default. */
const KEEP_HOURS = 24;

const SWEEP_ROWS = 1000;

/**
 * Runs a mutation, an operator's or a customer's of their keys, once per Idempotency-Key: the mutation and its response commit
 * together, and a repetition gets the stored response. Two that arrive at once run one after the other; the second finds the
 * response. When `run` throws, nothing is stored and the key is free.
 *
 * Throws FareboxError `idempotency_mismatch` when the key was used for a request with another hash.
 */
export function runOperatorRequest(
  database: Database,
  request: { readonly key: string; readonly requestHash: string },
  run: (tx: Transaction) => Promise<OperatorResponse>,
): Promise<OperatorResponse & { readonly isReplay: boolean }> {
  const { key, requestHash } = request;
  return database.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('farebox operator request ' || $1, 0))", [
      key,
    ]);
    const stored = await readStored(tx, key);
    if (stored !== undefined) {
      if (stored.requestHash !== requestHash) refuseMismatch(key);
      return { status: stored.status, body: stored.body, isReplay: true };
    }
    const response = await run(tx);
    await tx.query(
      "INSERT INTO farebox.operator_requests (key, request_hash, status, body) VALUES ($1, $2, $3, $4)",
      [key, requestHash, response.status, JSON.stringify(response.body)],
    );
    return { ...response, isReplay: false };
  });
}

/** Deletes forgotten keys; returns how many. */
export async function sweepOperatorRequests(db: Queryable): Promise<number> {
  const rows = await db.query(
    `DELETE FROM farebox.operator_requests WHERE key IN (
       SELECT key FROM farebox.operator_requests
       WHERE created_at <= statement_timestamp() - make_interval(hours => $1) ORDER BY created_at LIMIT $2
     ) RETURNING 1 AS one`,
    [KEEP_HOURS, SWEEP_ROWS],
  );
  return rows.length;
}

interface StoredRow extends OperatorResponse {
  readonly requestHash: string;
}

async function readStored(tx: Transaction, key: string): Promise<StoredRow | undefined> {
  const [row] = await tx.query<StoredRow>(
    `SELECT request_hash AS "requestHash", status, body FROM farebox.operator_requests WHERE key = $1`,
    [key],
  );
  return row;
}

function refuseMismatch(key: string): never {
  throw new FareboxError(
    "idempotency_mismatch",
    "This Idempotency-Key was used for another request. Use a new one for each request.",
    { detail: { key } },
  );
}
