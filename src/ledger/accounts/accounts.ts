import { createHash } from "node:crypto";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Queryable, Statement, Transaction } from "../database/database.ts";
import { constraintOf } from "../database/storage-error.ts";
import { touchKeys } from "./touch-keys.ts";
import { unknownAccount } from "./unknown-account.ts";

export interface Account {
  readonly accountId: string;
  readonly name: string;
  /** Given once, at creation: every row of the account carries it. */
  readonly shard: number;
  readonly state: AccountState;
  /** By the database's clock, like what follows. */
  readonly plan: string | null;
  /** What takes its place at `nextPlanAt`; null with a time: nothing does, the plan ends. */
  readonly nextPlan: string | null;
  /** Null: no change is pending. */
  readonly nextPlanAt: Date | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
}

/** `suspended` and `closed` refuse every key of the account; `closed` for good. */
export type AccountState = "active" | "suspended" | "closed";

/** A change of plan holds from its moment on, whether or not the sweep has been there. */
export const ACCOUNT_COLUMNS = `account_id AS "accountId", name, shard, state, metadata, created_at AS "createdAt",
  CASE WHEN next_plan_at <= statement_timestamp() THEN next_plan ELSE plan END AS plan,
  CASE WHEN next_plan_at > statement_timestamp() THEN next_plan END AS "nextPlan",
  CASE WHEN next_plan_at > statement_timestamp() THEN next_plan_at END AS "nextPlanAt"`;

const ONE_ACCOUNT = `SELECT ${ACCOUNT_COLUMNS} FROM farebox.accounts WHERE account_id = $1`;

/** Each operation on an account reads it: to plan these anew each time takes longer than to run them. */
const READ_ACCOUNT: Statement = { name: "read-account", isUrgent: true, text: ONE_ACCOUNT };
const LOCK_ACCOUNT = { name: "lock-account", text: `${ONE_ACCOUNT} FOR UPDATE` };
const LOCK_STATE = { name: "lock-account-state", text: `${ONE_ACCOUNT} FOR NO KEY UPDATE` };

/**
 * Creates an account in one of `shards` shards, chosen by its id: even, and the same when the request is repeated.
 * Throws FareboxError `account_exists`.
 */
export async function createAccount(
  db: Queryable,
  account: {
    readonly accountId: string;
    readonly name: string;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    readonly shards: number;
  },
): Promise<Account> {
  const { accountId, name, metadata = {}, shards } = account;
  try {
    await db.query(
      "INSERT INTO farebox.accounts (account_id, name, shard, metadata) VALUES ($1, $2, $3, $4)",
      [accountId, name, chooseShard(accountId, shards), JSON.stringify(metadata)],
    );
    return await readAccount(db, accountId);
  } catch (error) {
    if (constraintOf(error) !== "accounts_pkey") throw error;
    throw new FareboxError("account_exists", `The account ${accountId} exists.`, { detail: { accountId } });
  }
}

/** Throws FareboxError `account_unknown`. */
export async function readAccount(db: Queryable, accountId: string): Promise<Account> {
  const [account] = await db.query<Account>(READ_ACCOUNT, [accountId]);
  return account ?? refuseUnknown(accountId);
}

/**
 * Changes an account's name, and merges members into its metadata: null removes one, members that are not named stay.
 * Two tools that keep different members do not overwrite one another. A closed account can be changed too: a name may have
 * to go. Throws FareboxError `account_unknown`.
 */
export async function updateAccount(
  tx: Transaction,
  accountId: string,
  change: {
    readonly name?: string | undefined;
    readonly metadata?: Readonly<Record<string, string | null>> | undefined;
  },
): Promise<Account> {
  await tx.query(
    `UPDATE farebox.accounts SET name = coalesce($2, name), metadata = jsonb_strip_nulls(metadata || $3::jsonb)
     WHERE account_id = $1`,
    [accountId, change.name, JSON.stringify(change.metadata ?? {})],
  );
  return await readAccount(tx, accountId);
}

/**
 * Suspends, reactivates or closes an account. Its keys count as changed, so that no instance goes on with a cached one.
 * Closing is final. A suspended account keeps its plan and its refreshes, so that it goes on as it would have when it is active
 * again. Throws FareboxError `account_unknown`, `account_closed`.
 */
export async function setAccountState(
  tx: Transaction,
  accountId: string,
  state: AccountState,
): Promise<Account> {
  const before = await lockAccount(tx, accountId);
  if (before.state === state) return before;
  if (before.state === "closed") refuseClosed(accountId);
  await tx.query("UPDATE farebox.accounts SET state = $2 WHERE account_id = $1", [accountId, state]);
  await touchKeys(tx, accountId);
  return { ...before, state };
}

/** The account, locked until the transaction ends. Throws FareboxError `account_unknown`. */
export async function lockAccount(tx: Transaction, accountId: string): Promise<Account> {
  const [account] = await tx.query<Account>(LOCK_ACCOUNT, [accountId]);
  return account ?? refuseUnknown(accountId);
}

/**
 * The account, whose state nobody changes until the transaction ends. Two that do this of one account wait for each other, as they would
 * for its pool: on a cluster two with FOR SHARE would be a deadlock. Throws FareboxError `account_unknown`.
 */
export async function lockAccountState(tx: Transaction, accountId: string): Promise<Account> {
  const [account] = await tx.query<Account>(LOCK_STATE, [accountId]);
  return account ?? refuseUnknown(accountId);
}

/**
 * For who adds an account and changes it in the same transaction. On a cluster whoever adds a row shares the table, and whoever changes one
 * needs it alone: two that did both would wait for each other. Elsewhere it locks nothing.
 */
export async function lockNewAccount(tx: Transaction, accountId: string): Promise<void> {
  await tx.query("SELECT FROM farebox.accounts WHERE account_id = $1 FOR UPDATE", [accountId]);
}

export function refuseClosed(accountId: string): never {
  throw new FareboxError("account_closed", `The account ${accountId} is closed.`, { detail: { accountId } });
}

function refuseUnknown(accountId: string): never {
  throw unknownAccount(accountId);
}

function chooseShard(accountId: string, shards: number): number {
  return createHash("sha256").update(accountId).digest().readUInt32BE() % shards;
}
