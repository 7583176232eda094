import { randomUUID } from "node:crypto";
import { findAccountNo } from "../accounts/account-no.ts";
import { unknownAccount } from "../accounts/unknown-account.ts";
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
  text: "SELECT farebox.begin_idempotent($1::smallint, $2::int, $3, $4, $5, $6) AS answer",
};

const COMPLETE = {
  name: "complete-idempotent",
  text: "SELECT farebox.complete_idempotent($1::smallint, $2::int, $3, $4, $5, $6::jsonb, $7, $8) AS done",
};

const ABANDON = {
  name: "abandon-idempotent",
  text: "SELECT farebox.abandon_idempotent($1::smallint, $2::int, $3, $4)",
};

type BeginAnswer =
  | { readonly outcome: Exclude<IdempotentStart["kind"], "done"> }
  | {
      readonly outcome: "done";
      readonly status: number;
      readonly headers: StoredResponse["headers"];
      /** In base64. */
      readonly body: string | null;
    };

/**
 * Claims the key for one run of a request. Of any number that arrive at once, exactly one begins. Safe to repeat with the
 * same owner when the answer was lost. Throws FareboxError `account_unknown`.
 */
export async function beginIdempotent(
  db: Queryable,
  key: IdempotencyKey,
  requestHash: string,
  owner: string,
): Promise<IdempotentStart> {
  const accountNo = await findAccountNo(db, key);
  if (accountNo === undefined) throw unknownAccount(key.accountId);
  const [row] = await db.query<{ answer: BeginAnswer }>(BEGIN, [
    key.shard,
    accountNo,
    key.key,
    requestHash,
    owner,
    RUN_SECONDS,
  ]);
  if (row === undefined) throw new Error("begin_idempotent returned nothing");
  const { answer } = row;
  if (answer.outcome === "begun") return { kind: "begun", owner };
  if (answer.outcome !== "done") return { kind: answer.outcome };
  const { status, headers, body } = answer;
  const bytes = body === null ? null : Uint8Array.from(Buffer.from(body, "base64"));
  return { kind: "done", response: { status, headers, body: bytes } };
}

/** Frees the key, if this run still has it. */
export async function abandonIdempotent(db: Queryable, key: IdempotencyKey, owner: string): Promise<void> {
  await db.query(ABANDON, [key.shard, await findAccountNo(db, key), key.key, owner]);
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
  const [row] = await db.query<{ done: boolean }>(COMPLETE, [
    key.shard,
    await findAccountNo(db, key),
    key.key,
    owner,
    response.status,
    JSON.stringify(response.headers),
    response.body,
    keepSeconds,
  ]);
  return row?.done === true;
}

/**
 * Deletes expired keys among the oldest {@link SWEEP_ROWS} of a shard; returns how many. The expired ones are the oldest, but
 * for runs that hang, so a sweep that deletes few has caught up.
 */
export async function sweepIdempotency(db: Queryable, shard: number): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    "SELECT farebox.forget_idempotency($1::smallint, $2) AS count",
    [shard, SWEEP_ROWS],
  );
  return row?.count ?? 0;
}
