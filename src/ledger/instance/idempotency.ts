import { randomUUID } from "node:crypto";
import type { Queryable } from "../database/database.ts";
import type { IdempotentStart, StoredResponse } from "../ledger.ts";

/** An Idempotency-Key of a customer. Scoped to the account. */
export interface IdempotencyKey {
  readonly accountId: string;
  readonly shard: number;
  readonly key: string;
}

/**
 * A run that neither completes nor abandons its key blocks it while its instance lives, at most this long: longer than
 * any request may take, so that no two runs of one request overlap.
 */
const RUN_SECONDS = 3600;

/** Rows that one sweep looks at: it must stay a short transaction. */
const SWEEP_ROWS = 1000;

/** The token by which a run proves that the key is still its own: the instance, whose death frees the key, and the run. */
export function newIdempotencyOwner(instanceId: string): string {
  return `${instanceId}/${randomUUID()}`;
}

const BEGIN = {
  name: "begin-idempotent",
  text: `SELECT outcome, stored_status AS status, stored_headers AS headers, stored_body AS body
    FROM farebox.begin_idempotent($1, $2, $3, $4, $5, $6)`,
};

interface BeginRow {
  readonly outcome: IdempotentStart["kind"];
  readonly status: number | null;
  readonly headers: StoredResponse["headers"] | null;
  readonly body: Uint8Array | null;
}

/**
 * Claims the key for one run of a request. Of any number that arrive at once, exactly one begins. Safe to repeat with the
 * same owner when the answer was lost.
 */
export async function beginIdempotent(
  db: Queryable,
  key: IdempotencyKey,
  requestHash: string,
  owner: string,
): Promise<IdempotentStart> {
  const [row] = await db.query<BeginRow>(BEGIN, [
    key.accountId,
    key.shard,
    key.key,
    requestHash,
    owner,
    RUN_SECONDS,
  ]);
  if (row === undefined) throw new Error("begin_idempotent returned nothing");
  const { outcome, status, headers, body } = row;
  if (outcome === "begun") return { kind: "begun", owner };
  if (outcome !== "done") return { kind: outcome };
  if (status === null || headers === null)
    throw new Error(`idempotency key ${key.key} is done without a response`);
  return { kind: "done", response: { status, headers, body } };
}

/** Frees the key, if this run still has it. */
export async function abandonIdempotent(db: Queryable, key: IdempotencyKey, owner: string): Promise<void> {
  await db.query(
    {
      name: "abandon-idempotent",
      text: `DELETE FROM farebox.idempotency_keys
        WHERE account_id = $1 AND key = $2 AND shard = $3 AND owner = $4 AND state = 'running'`,
    },
    [key.accountId, key.key, key.shard, owner],
  );
}

/**
 * Stores the response of a request that charged nothing, for `keepSeconds`. (A charge stores its response itself, in its
 * own transaction.) Returns false when another run has taken the key over: its response is the one that counts.
 */
export async function completeIdempotent(
  db: Queryable,
  key: IdempotencyKey,
  owner: string,
  response: StoredResponse,
  keepSeconds: number,
): Promise<boolean> {
  const rows = await db.query(
    {
      name: "complete-idempotent",
      // Completed by the same run before (the answer was lost): the same response again.
      text: `UPDATE farebox.idempotency_keys
        SET state = 'done', status = $5, headers = $6::jsonb, body = $7,
          expires_at = clock_timestamp() + make_interval(secs => $8)
        WHERE account_id = $1 AND key = $2 AND shard = $3 AND owner = $4
        RETURNING 1 AS one`,
    },
    [
      key.accountId,
      key.key,
      key.shard,
      owner,
      response.status,
      JSON.stringify(response.headers),
      response.body,
      keepSeconds,
    ],
  );
  return rows.length > 0;
}

/**
 * Deletes expired keys among the oldest {@link SWEEP_ROWS}; returns how many. The expired ones are the oldest, but for
 * runs that hang, so a sweep that deletes few has caught up.
 */
export async function sweepIdempotency(db: Queryable): Promise<number> {
  const rows = await db.query(
    `DELETE FROM farebox.idempotency_keys d USING (
       SELECT account_id, key, shard FROM farebox.idempotency_keys ORDER BY created_at LIMIT $1
     ) oldest
     WHERE d.account_id = oldest.account_id AND d.key = oldest.key AND d.shard = oldest.shard
       AND d.expires_at <= clock_timestamp()
     RETURNING 1 AS one`,
    [SWEEP_ROWS],
  );
  return rows.length;
}
