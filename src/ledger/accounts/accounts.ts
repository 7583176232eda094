import { createHash } from "node:crypto";
import { FareboxError } from "../../domain/farebox-error.ts";
import { microsOf, refuseCursor, timeOfMicros } from "../database/cursor.ts";
import type { Parameter, Queryable, Transaction } from "../database/database.ts";
import { type Page, type PageRequest, readLimit, readPosition, renderPage } from "../database/page.ts";
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
const COLUMNS = `account_id AS "accountId", name, shard, state, metadata, created_at AS "createdAt",
  CASE WHEN next_plan_at <= statement_timestamp() THEN next_plan ELSE plan END AS plan,
  CASE WHEN next_plan_at > statement_timestamp() THEN next_plan END AS "nextPlan",
  CASE WHEN next_plan_at > statement_timestamp() THEN next_plan_at END AS "nextPlanAt"`;

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
  const [account] = await db.query<Account>(`SELECT ${COLUMNS} FROM farebox.accounts WHERE account_id = $1`, [
    accountId,
  ]);
  return account ?? refuseUnknown(accountId);
}

/** Which accounts, and in which order. All filters apply together. */
export interface AccountFilter {
  /** Part of the name or the id, in any case. */
  readonly q?: string | undefined;
  readonly state?: AccountState | undefined;
  readonly plan?: string | undefined;
  /** Members that the metadata must have, with these values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** By age, or by name in any case; the newest first when absent. */
  readonly sort?: "newest" | "oldest" | "name" | undefined;
}

/**
 * By age or name, and pages stay right while accounts come: a page goes on from the last one's time or name, and id.
 * Throws FareboxError `cursor_invalid`.
 */
export async function listAccounts(db: Queryable, page: PageRequest & AccountFilter): Promise<Page<Account>> {
  const { q, state, plan, metadata, sort = "newest" } = page;
  if (sort === "name") return await listAccountsByName(db, page);
  const [after, order] = sort === "newest" ? ["<", "DESC"] : [">", "ASC"];
  const rows = await db.query<Account & { micros: bigint }>(
    `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM farebox.accounts
     WHERE ($1::bigint IS NULL OR (created_at, account_id) ${after} (${timeOfMicros("$1")}, $2))
       AND ${MATCHES}
     ORDER BY created_at ${order}, account_id ${order} LIMIT $3`,
    [...readPosition(page), readLimit(page), ...filterParameters({ q, state, plan, metadata })],
  );
  return renderPage(rows, page, (account) => account.accountId);
}

/** As {@link listAccounts}; a name's place is told by its first sixty characters. */
async function listAccountsByName(db: Queryable, page: PageRequest & AccountFilter): Promise<Page<Account>> {
  const limit = readLimit(page);
  const position = page.cursor === undefined ? [null, null] : readNamePosition(page.cursor);
  const rows = await db.query<Account & { place: string }>(
    `SELECT ${COLUMNS}, ${NAME_PLACE} AS place FROM farebox.accounts
     WHERE ($1::text IS NULL OR (${NAME_PLACE}, account_id) > ($1 COLLATE "C", $2))
       AND ${MATCHES}
     ORDER BY ${NAME_PLACE}, account_id LIMIT $3`,
    [...position, limit, ...filterParameters(page)],
  );
  const shown = rows.slice(0, limit - 1);
  const last = shown.at(-1);
  const isEnd = last === undefined || rows.length <= shown.length;
  return {
    items: shown.map(({ place: _place, ...account }) => account),
    next: isEnd ? null : Buffer.from(`${last.accountId}\n${last.place}`).toString("base64url"),
  };
}

/** As the index `accounts_by_name` has it. */
const NAME_PLACE = `"left"(lower(name), 60) COLLATE "C"`;

function readNamePosition(cursor: string): [place: string, accountId: string] {
  const match = /^([\w-]{1,64})\n([^\n]{0,120})$/u.exec(Buffer.from(cursor, "base64url").toString());
  return match === null ? refuseCursor() : [match[2] ?? "", match[1] ?? ""];
}

/** SQL: whether an account is one that the parameters from `$4` on name. */
const MATCHES = `($4::text IS NULL OR strpos(lower(name), lower($4)) > 0 OR strpos(lower(account_id), lower($4)) > 0)
       AND ($5::text IS NULL OR state = $5) AND ($6::text IS NULL OR plan = $6)
       AND ($7::jsonb IS NULL OR metadata @> $7::jsonb)`;

function filterParameters({ q, state, plan, metadata }: AccountFilter): readonly Parameter[] {
  return [q, state, plan, metadata === undefined ? undefined : JSON.stringify(metadata)];
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
  const [account] = await tx.query<Account>(
    `SELECT ${COLUMNS} FROM farebox.accounts WHERE account_id = $1 FOR UPDATE`,
    [accountId],
  );
  return account ?? refuseUnknown(accountId);
}

/** The account, whose state nobody changes until the transaction ends. Throws FareboxError `account_unknown`. */
export async function shareAccount(tx: Transaction, accountId: string): Promise<Account> {
  const [account] = await tx.query<Account>(
    `SELECT ${COLUMNS} FROM farebox.accounts WHERE account_id = $1 FOR SHARE`,
    [accountId],
  );
  return account ?? refuseUnknown(accountId);
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
