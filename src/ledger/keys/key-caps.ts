import { setTimeout as pause } from "node:timers/promises";
import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { CapWindow, KeyCap } from "../../domain/key-cap.ts";
import { findAccountNo } from "../accounts/account-no.ts";
import { unknownAccount } from "../accounts/unknown-account.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import { numberCreditType } from "../pools/pool-key.ts";

interface AccountRef {
  readonly accountId: string;
  readonly shard: number;
}

/** A key and the account that owns it. */
export interface KeyRef extends AccountRef {
  readonly keyId: string;
}

/** A key's caps in one credit type, and what they have been used for. */
export interface KeyCapState {
  readonly keyId: string;
  readonly cap: KeyCap;
  /** Charges less refunds in each window that has not ended, also where there is no cap. */
  readonly spent: Readonly<Record<CapWindow, Credits>>;
  /** Set aside for requests in flight: it counts towards every window. */
  readonly held: Credits;
  readonly dayEndsAt: Date;
  readonly monthEndsAt: Date;
  /** Whether the caps are the key's own or the default of its account's plan. */
  readonly source: "key" | "plan";
}

/** As plans have it. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface StoredCap extends Readonly<Record<CapWindow, number | null>> {
  readonly creditType: string;
}

/** Entries that may lie behind the roll-up when a cap is set. They are read under the pool's lock, in about a millisecond. */
const MAX_BEHIND = 1_000;

const ROLLED_AT_ONCE = 1_000;

/** While another process rolls up; after 2 s the cap is set all the same, as long as the database allows it. */
const MAX_WAITS = 100;
const WAIT_MS = 20;

/** SQLSTATE with which `set_key_caps` refuses when too many entries of a pool are not rolled up. */
const TOO_FAR_BEHIND = "FB425";

/**
 * Gives a key caps of its own, the only ones from now on; with none, those of its account's plan apply again. What it has
 * spent before counts, and requests that were admitted before are finished. Every instance knows within 5 seconds; until
 * then what it admits counts all the same. Locks the pools of all credit types that are concerned.
 */
export async function setKeyCaps(tx: Transaction, key: KeyRef, caps: readonly KeyCap[]): Promise<void> {
  const stored = caps.map(storeCap);
  const applied = stored.length > 0 ? stored : await readPlanCaps(tx, key.accountId);
  await rollUpForCaps(tx, key, applied);
  const [row] = await tx.query<{ no: number }>("SELECT key_no AS no FROM farebox.keys WHERE key_id = $1", [
    key.keyId,
  ]);
  if (row === undefined) throw new Error(`there is no key ${key.keyId}`);
  await callSetKeyCaps(tx, key, [row.no], "key", stored);
  if (stored.length === 0) await callSetKeyCaps(tx, key, [row.no], "plan", applied);
}

/**
 * Gives a plan's default caps to those of some active keys of an account that have none of their own; with none, takes them away. They
 * all count as changed. Whoever locks pools of the account in the same transaction calls {@link rollUpForCaps} before.
 */
export async function applyDefaultCaps(
  tx: Transaction,
  account: AccountRef,
  keyNos: readonly number[],
  caps: readonly KeyCap[],
): Promise<void> {
  if (keyNos.length > 0) await callSetKeyCaps(tx, account, keyNos, "plan", caps.map(storeCap));
}

/**
 * Rolls up the usage of the pools on which keys are to get caps, before any pool is locked: what a key has spent is then the roll-up
 * and few entries behind it, however long its history. In steps of some 15 ms; in a transaction the roll-up's own row
 * and those of its months' sums stay locked, and other roll-ups pass them by.
 */
export async function rollUpForCaps(
  db: Queryable,
  account: AccountRef,
  caps: readonly { readonly creditType: string }[],
): Promise<void> {
  const accountNo = await findAccountNo(db, account);
  if (accountNo === undefined) throw unknownAccount(account.accountId);
  for (const creditType of new Set(caps.map((cap) => cap.creditType))) {
    const pool = [account.shard, accountNo, await numberCreditType(db, creditType)];
    for (let waits = 0; waits < MAX_WAITS && (await isFarBehind(db, pool)); ) {
      const [rolled] = await db.query<{ count: number }>(
        "SELECT farebox.roll_usage($1::smallint, $2::int, $3::smallint, $4) AS count",
        [...pool, ROLLED_AT_ONCE],
      );
      if (rolled !== undefined && rolled.count > 0) continue;
      // Another process is at it.
      waits += 1;
      await pause(WAIT_MS);
    }
  }
}

async function isFarBehind(db: Queryable, pool: readonly number[]): Promise<boolean> {
  const [row] = await db.query<{ behind: bigint }>(
    "SELECT farebox.usage_behind($1::smallint, $2::int, $3::smallint) AS behind",
    pool,
  );
  return row !== undefined && row.behind > MAX_BEHIND;
}

interface CapRow {
  readonly keyId: string;
  readonly creditType: string;
  readonly dayCap: Credits | null;
  readonly monthCap: Credits | null;
  readonly totalCap: Credits | null;
  readonly daySpent: Credits;
  readonly monthSpent: Credits;
  readonly totalSpent: Credits;
  readonly held: Credits;
  readonly dayEndsAt: Date;
  readonly monthEndsAt: Date;
  readonly source: "key" | "plan";
}

/** The caps of some keys of an account by key and credit type, as of the database's now. Keys without caps have none. */
export async function readKeyCaps(
  db: Queryable,
  account: AccountRef,
  keyIds: readonly string[],
): Promise<readonly KeyCapState[]> {
  const rows = await db.query<CapRow>(
    `SELECT k.key_id AS "keyId", t.credit_type AS "creditType", c.day_cap AS "dayCap", c.month_cap AS "monthCap",
       c.total_cap AS "totalCap", CASE WHEN c.day < n.day THEN 0 ELSE c.day_spent END AS "daySpent",
       CASE WHEN c.month < n.month THEN 0 ELSE c.month_spent END AS "monthSpent", c.total_spent AS "totalSpent", c.held,
       greatest(c.day, n.day) + interval '24 hours' AS "dayEndsAt",
       farebox.period_start(greatest(c.month, n.month), 'month', 1) AS "monthEndsAt", c.source
     FROM farebox.key_caps c
     JOIN farebox.keys k ON k.key_no = c.key_no
     JOIN farebox.credit_types t ON t.type_no = c.type_no,
     (SELECT date_trunc('day', clock_timestamp(), 'UTC') AS day, date_trunc('month', clock_timestamp(), 'UTC') AS month) n
     WHERE c.shard = $1 AND c.account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $2)
       AND c.key_no = ANY (ARRAY(SELECT key_no FROM farebox.keys WHERE key_id = ANY ($3::text[])))
     ORDER BY k.key_id, t.credit_type`,
    [account.shard, account.accountId, keyIds],
  );
  return rows.map((row) => ({
    keyId: row.keyId,
    cap: { creditType: row.creditType, day: row.dayCap, month: row.monthCap, total: row.totalCap },
    spent: { day: row.daySpent, month: row.monthSpent, total: row.totalSpent },
    held: row.held,
    dayEndsAt: row.dayEndsAt,
    monthEndsAt: row.monthEndsAt,
    source: row.source,
  }));
}

/** The default caps of the account's plan. */
async function readPlanCaps(db: Queryable, accountId: string): Promise<readonly StoredCap[]> {
  const [plan] = await db.query<{ caps: readonly StoredCap[] | null }>(
    `SELECT p.body -> 'caps' AS caps FROM farebox.accounts a JOIN farebox.plans p ON p.name = a.plan
     WHERE a.account_id = $1`,
    [accountId],
  );
  return plan?.caps ?? [];
}

async function callSetKeyCaps(
  tx: Transaction,
  account: AccountRef,
  keyNos: readonly number[],
  source: KeyCapState["source"],
  caps: readonly StoredCap[],
): Promise<void> {
  const numbered: unknown[] = [];
  for (const { creditType, ...cap } of caps)
    numbered.push({ ...cap, type: await numberCreditType(tx, creditType) });
  try {
    await tx.query("SELECT farebox.set_key_caps($1::smallint, $2::int, $3::int[], $4, $5::jsonb)", [
      account.shard,
      await findAccountNo(tx, account),
      keyNos,
      source,
      JSON.stringify(numbered),
    ]);
  } catch (error) {
    throw sqlStateOf(error) === TOO_FAR_BEHIND ? refuseBehind(account.accountId, error) : error;
  }
  await tellKeys(tx, account, keyNos);
}

/**
 * Writes into the keys which credit types they are capped in, and counts them as changed, so that every instance hears. Keys come
 * after pools in the order of locks.
 */
async function tellKeys(tx: Transaction, account: AccountRef, keyNos: readonly number[]): Promise<void> {
  const rows = await tx.query<{ no: number; creditType: string }>(
    `SELECT c.key_no AS no, t.credit_type AS "creditType"
     FROM farebox.key_caps c JOIN farebox.credit_types t ON t.type_no = c.type_no
     WHERE c.shard = $1 AND c.account_no = $2 AND c.key_no = ANY ($3::int[]) ORDER BY c.key_no, t.credit_type`,
    [account.shard, await findAccountNo(tx, account), keyNos],
  );
  const capped = new Map<number, string[]>(keyNos.map((no) => [no, []]));
  for (const { no, creditType } of rows) capped.get(no)?.push(creditType);
  // Nearly always all keys are capped in the same: one statement.
  const alike = new Map<string, { readonly types: string[]; readonly keyNos: number[] }>();
  for (const [no, types] of capped) {
    const name = JSON.stringify(types);
    const group = alike.get(name) ?? { types, keyNos: [] };
    group.keyNos.push(no);
    alike.set(name, group);
  }
  for (const group of alike.values()) {
    await tx.query(
      `UPDATE farebox.keys SET capped = $2::text[], changed_at = statement_timestamp() WHERE key_no = ANY ($1::int[])`,
      [group.keyNos, group.types],
    );
  }
}

function refuseBehind(accountId: string, cause: unknown): FareboxError {
  return new FareboxError(
    "storage_unavailable",
    `The usage of ${accountId} is still being rolled up. Try again in some seconds.`,
    { retryable: true, cause },
  );
}

function storeCap({ creditType, day, month, total }: KeyCap): StoredCap {
  return { creditType, day: store(day), month: store(month), total: store(total) };
}

const store = (amount: Credits | null): number | null => (amount === null ? null : Number(amount));
