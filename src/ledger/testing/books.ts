import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Credits } from "../../domain/credits.ts";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import { createAccount } from "../accounts/accounts.ts";
import { auditLedger } from "../audit/audit.ts";
import type { Database } from "../database/database.ts";
import { issueKeySecret, type KeySecret } from "../keys/key-secret.ts";
import { createKey, type NewKey } from "../keys/keys.ts";
import type { ChargeItem, HoldItem, LeaseItem, PoolRef, ReleaseItem } from "../ledger.ts";
import { grantCredits } from "../pools/grant.ts";

export const SHARDS = 4;

/** Options of a ledger in tests. */
export const LEDGER = { shards: SHARDS, idempotencyKeepSeconds: 86_400 };

/** A new account's pool, with one grant that never expires unless `credits` is 0. */
export async function createPool(
  database: Database,
  credits: Credits,
  creditType = "credits",
): Promise<PoolRef> {
  const account = await createAccount(database, {
    accountId: formatId("account", randomBytes(ID_RANDOM_BYTES)),
    name: "test",
    shards: SHARDS,
  });
  const pool = { accountId: account.accountId, creditType, shard: account.shard };
  if (credits > 0n) await grantCredits(database, { pool, amount: credits, source: "topup" });
  return pool;
}

/** A key of an account, and its text. Named nothing, for every endpoint and for ever unless it says otherwise. */
export async function addKey(
  database: Database,
  { accountId }: { readonly accountId: string },
  change: Partial<Omit<NewKey, keyof KeySecret>> = {},
): Promise<{ readonly keyId: string; readonly text: string; readonly hashHex: string }> {
  const { text, secret } = issueKeySecret("fbx");
  const keyId = formatId("key", randomBytes(ID_RANDOM_BYTES));
  const key = { ...secret, keyId, accountId, name: "", expiresAt: null, ...change };
  await database.transaction((tx) => createKey(tx, key));
  return { keyId: key.keyId, text, hashHex: secret.hashHex };
}

let requests = 0;

/** A charge of a pool; straight from the pool unless it says otherwise. */
export function chargeOf(pool: PoolRef, amount: Credits, change: Partial<ChargeItem> = {}): ChargeItem {
  requests += 1;
  return {
    pool,
    hold: null,
    amount,
    requestId: `req-${requests}`,
    keyId: "key_1",
    endpoint: "GET /v1/ip-lookup",
    units: 1,
    status: 200,
    priceList: 1,
    ...change,
  };
}

export function leaseOf(pool: PoolRef, need: Credits, change: Partial<LeaseItem> = {}): LeaseItem {
  return { pool, giveBack: 0n, need, want: need, ...change };
}

export function holdOf(pool: PoolRef, id: string, amount: Credits, ttlSeconds = 60): HoldItem {
  return { pool, id, amount, ttlSeconds };
}

export function releaseOf(pool: PoolRef, id: string): ReleaseItem {
  return { pool, hold: { id }, amount: 0n };
}

/** The pool's row as it is stored. */
export async function readPool(
  database: Database,
  pool: PoolRef,
): Promise<{ balance: bigint; held: bigint; spent: bigint; uncollected: bigint; lastSeq: bigint }> {
  const [row] = await database.query<{
    balance: bigint;
    held: bigint;
    spent: bigint;
    uncollected: bigint;
    lastSeq: bigint;
  }>(
    `SELECT balance, held, spent, uncollected, last_seq AS "lastSeq" FROM farebox.pools
     WHERE account_id = $1 AND credit_type = $2`,
    [pool.accountId, pool.creditType],
  );
  assert.ok(row, "the pool exists");
  return row;
}

/** Invariants I1, I2 and, when nobody holds anything any more, I8. */
export async function assertSound(database: Database, options: { atRest?: boolean } = {}): Promise<void> {
  const { findings } = await auditLedger(database, options);
  assert.deepEqual(findings, []);
}

/**
 * Lets time pass for a pool: everything on it that has a moment moves back by so many milliseconds. A pending change of plan does
 * too, as if the account had no other pool; what is counted from the calendar then no longer is.
 */
export async function letTimePass(database: Database, pool: PoolRef, ms: number): Promise<void> {
  const back = `- make_interval(secs => ${ms / 1000})`;
  const where = `WHERE account_id = '${pool.accountId}' AND credit_type = '${pool.creditType}'`;
  await database.exec(`
    BEGIN;
    SELECT FROM farebox.pools ${where} FOR UPDATE;
    UPDATE farebox.pools SET next_event_at = next_event_at ${back} ${where};
    UPDATE farebox.grants SET effective_at = effective_at ${back}, expires_at = expires_at ${back} ${where};
    UPDATE farebox.recurring SET anchor_at = anchor_at ${back}, next_at = next_at ${back} ${where};
    UPDATE farebox.recurring SET until = until ${back} WHERE account_id = '${pool.accountId}';
    UPDATE farebox.holds SET expires_at = expires_at ${back} ${where};
    UPDATE farebox.accounts SET next_plan_at = next_plan_at ${back} WHERE account_id = '${pool.accountId}';
    UPDATE farebox.once_windows SET until = until ${back} WHERE account_id = '${pool.accountId}';
    COMMIT`);
}

/** Brings a pool up to now as the sweeper would. */
export async function roll(database: Database, pool: PoolRef): Promise<void> {
  await database.query("SELECT farebox.roll_pool($1, $2, $3)", [pool.shard, pool.accountId, pool.creditType]);
}

/**
 * Moves a pool's entries to these moments, the first to the first and so on, and its usage with them, as if they had
 * happened then. Moments must run in the order of the entries.
 */
export async function placeEntries(database: Database, pool: PoolRef, at: readonly Date[]): Promise<void> {
  const { accountId, creditType } = pool;
  await database.transaction(async (tx) => {
    await tx.query(
      `UPDATE farebox.entries e SET at = u.at FROM unnest($3::timestamptz[]) WITH ORDINALITY u(at, seq)
       WHERE e.account_id = $1 AND e.credit_type = $2 AND e.seq = u.seq`,
      [accountId, creditType, at],
    );
    for (const table of ["usage", "usage_sums"]) {
      await tx.query(`DELETE FROM farebox.${table} WHERE account_id = $1 AND credit_type = $2`, [
        accountId,
        creditType,
      ]);
    }
    await tx.query("DELETE FROM farebox.usage_summed");
    await tx.query(
      `INSERT INTO farebox.usage
         (account_id, credit_type, quarter, key_id, endpoint, shard, requests, units, credits, refunded)
       SELECT c.account_id, c.credit_type, farebox.quarter_of(c.at), c.key_id, c.endpoint, c.shard, count(*), sum(c.units),
         -sum(c.amount), coalesce(sum(r.amount), 0)
       FROM farebox.entries c LEFT JOIN farebox.refunds r
         ON r.account_id = c.account_id AND r.credit_type = c.credit_type AND r.seq = c.seq AND r.shard = c.shard
       WHERE c.account_id = $1 AND c.credit_type = $2 AND c.kind = 'charge' GROUP BY 1, 2, 3, 4, 5, 6`,
      [accountId, creditType],
    );
  });
}

/** Sums the usage of all days that are over by hours and days, as the sweeper does. */
export async function sumUsage(database: Database): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard += 1) {
    for (let count = 10; count === 10; ) {
      const [row] = await database.query<{ count: number }>("SELECT farebox.sum_usage($1, 10) AS count", [
        shard,
      ]);
      count = row?.count ?? 0;
    }
  }
}
