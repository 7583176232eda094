import { createHash } from "node:crypto";
import { FareboxError } from "../domain/farebox-error.ts";
import { microsOf, timeOfMicros } from "./cursor.ts";
import type { Queryable, Transaction } from "./database/database.ts";
import { constraintOf } from "./database/storage-error.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "./page.ts";

export interface Account {
  readonly accountId: string;
  readonly name: string;
  /** Given once, at creation: every row of the account carries it. */
  readonly shard: number;
  readonly state: AccountState;
  readonly plan: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
}

/** `suspended` and `closed` refuse every key of the account; `closed` for good. */
export type AccountState = "active" | "suspended" | "closed";

const COLUMNS = `account_id AS "accountId", name, shard, state, plan, metadata, created_at AS "createdAt"`;

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
    const [created] = await db.query<Account>(
      `INSERT INTO farebox.accounts (account_id, name, shard, metadata) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
      [accountId, name, chooseShard(accountId, shards), JSON.stringify(metadata)],
    );
    if (created === undefined) throw new Error(`account ${accountId} was neither created nor refused`);
    return created;
  } catch (error) {
    if (constraintOf(error) !== "accounts_pkey") throw error;
    throw new FareboxError("account_exists", `The account ${accountId} exists.`, { detail: { accountId } });
  }
}

/** Throws FareboxError `account_unknown`. */
export async function readAccount(db: Queryable, accountId: string): Promise<Account> {
  const [account] = await db.query<Account>(`SELECT ${COLUMNS} FROM farebox.accounts WHERE account_id = $1`, [
    accountId,
  ]);
  return account ?? refuseUnknown(accountId);
}

/** Newest first. Throws FareboxError `cursor_invalid`. */
export async function listAccounts(db: Queryable, page: PageRequest): Promise<Page<Account>> {
  const rows = await db.query<Account & { micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.accounts
     WHERE $1::bigint IS NULL OR (created_at, account_id) < (${timeOfMicros("$1")}, $2)
     ORDER BY created_at DESC, account_id DESC LIMIT $3`,
    [...readPosition(page), readLimit(page)],
  );
  return renderPage(rows, page, (account) => account.accountId);
}

/**
 * Suspends, reactivates or closes an account. Its keys count as changed, so that no instance goes on with a cached one.
 * Closing is final. Throws FareboxError `account_unknown`, `account_closed`.
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
  await tx.query("UPDATE farebox.keys SET changed_at = clock_timestamp() WHERE account_id = $1", [accountId]);
  return { ...before, state };
}

/** The account, locked until the transaction ends. Throws FareboxError `account_unknown`. */
export async function lockAccount(tx: Transaction, accountId: string): Promise<Account> {
  const [account] = await tx.query<Account>(
    `SELECT ${COLUMNS} FROM farebox.accounts WHERE account_id = $1 FOR UPDATE`,
    [accountId],
  );
  return account ?? refuseUnknown(accountId);
}

export function refuseClosed(accountId: string): never {
  throw new FareboxError("account_closed", `The account ${accountId} is closed.`, { detail: { accountId } });
}

function refuseUnknown(accountId: string): never {
  throw new FareboxError("account_unknown", `There is no account ${accountId}.`, { detail: { accountId } });
}

function chooseShard(accountId: string, shards: number): number {
  return createHash("sha256").update(accountId).digest().readUInt32BE() % shards;
}
