import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Credits } from "../../domain/credits.ts";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import { createAccount } from "../accounts/accounts.ts";
import { auditLedger } from "../audit/audit.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";
import { issueKeySecret, type KeySecret } from "../keys/key-secret.ts";
import { createKey, type NewKey } from "../keys/keys.ts";
import type { ChargeItem, HoldItem, LeaseItem, PoolRef, ReleaseItem } from "../ledger.ts";
import { grantCredits } from "../pools/grant.ts";
import { poolKeyOf } from "../pools/pool-key.ts";

export const SHARDS = 4;

/** A machine that is busy with other tests takes long between two attempts; what is refused then is tested on its own. */
export const PATIENT = { admitForMs: 60_000 };

/** Options of a ledger in tests. */
export const LEDGER = { shards: SHARDS, idempotencyKeepSeconds: 86_400, limits: PATIENT };

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
  await nameKeys(database, pool, ["key_1"]);
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
  // One that was only named until now; see nameKeys.
  await database.query("DELETE FROM farebox.keys WHERE key_id = $1 AND hint = ''", [key.keyId]);
  await database.transaction((tx) => createKey(tx, key));
  return { keyId: key.keyId, text, hashHex: secret.hashHex };
}

/**
 * Keys with these ids, unless there are: charges name keys, and most tests of the ledger care for no more than the name. They
 * belong to the account that asks first.
 */
export async function nameKeys(
  database: Queryable,
  { accountId, shard }: Pick<PoolRef, "accountId" | "shard">,
  keyIds: readonly string[],
): Promise<void> {
  await database.query(
    `INSERT INTO farebox.keys (key_id, account_id, shard, hash, prefix, hint, name)
     SELECT id, $1, $2, sha256(convert_to(id, 'UTF8')), 'fbx', '', '' FROM unnest($3::text[]) id ON CONFLICT DO NOTHING`,
    [accountId, shard, keyIds],
  );
}

let requests = 0;

/** A charge of a pool; straight from the pool unless it says otherwise. */
export function chargeOf(pool: PoolRef, amount: Credits, change: Partial<ChargeItem> = {}): ChargeItem {
  requests += 1;
  return {
    pool,
    hold: null,
    amount,
    requestId: `00000000-0000-4000-8000-${requests.toString(16).padStart(12, "0")}`,
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

/** The condition that finds a pool's rows in any table of the ledger; `$1` and `$2` are its account and credit type. */
export const OF_POOL = `account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)
  AND type_no = (SELECT type_no FROM farebox.credit_types WHERE credit_type = $2)`;

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
  }>(`SELECT balance, held, spent, uncollected, last_seq AS "lastSeq" FROM farebox.pools WHERE ${OF_POOL}`, [
    pool.accountId,
    pool.creditType,
  ]);
  assert.ok(row, "the pool exists");
  return row;
}

/** Invariants I1, I2 and, when nobody holds anything any more, I8. */
export async function assertSound(database: Database, options: { atRest?: boolean } = {}): Promise<void> {
  const { findings } = await auditLedger(database, options);
  assert.deepEqual(findings, []);
}

/**
 * Lets time pass for a pool: everything on it that has a moment ahead moves back by so many milliseconds. A pending change of plan
 * does too, as if the account had no other pool; what is counted from the calendar then no longer is.
 */
export async function letTimePass(database: Database, pool: PoolRef, ms: number): Promise<void> {
  const { accountNo, typeNo } = await poolKeyOf(database, pool);
  const back = `- make_interval(secs => ${ms / 1000})`;
  const where = `WHERE account_no = ${accountNo} AND type_no = ${typeNo}`;
  await database.exec(`
    BEGIN;
    SELECT FROM farebox.pools ${where} FOR UPDATE;
    UPDATE farebox.pools SET next_event_at = next_event_at ${back} ${where};
    UPDATE farebox.grants SET effective_at = effective_at ${back}, expires_at = expires_at ${back} ${where};
    UPDATE farebox.recurring SET anchor_at = anchor_at ${back}, next_at = next_at ${back} ${where};
    UPDATE farebox.recurring SET until = until ${back} WHERE account_no = ${accountNo};
    UPDATE farebox.holds SET expires_at = expires_at ${back} ${where};
    UPDATE farebox.long_holds SET expires_at = expires_at ${back} ${where};
    UPDATE farebox.accounts SET next_plan_at = next_plan_at ${back} WHERE account_no = ${accountNo};
    UPDATE farebox.once_windows SET until = until ${back} WHERE account_no = ${accountNo};
    UPDATE farebox.running_totals SET until = until ${back} WHERE account_no = ${accountNo};
    COMMIT`);
}

/** Brings a pool up to now as the sweeper would. */
export async function roll(database: Database, pool: PoolRef): Promise<void> {
  const { shard, accountNo, typeNo } = await poolKeyOf(database, pool);
  await database.query("SELECT farebox.roll_pool($1, $2, $3)", [shard, accountNo, typeNo]);
}

/** Changes what can never change: entries. For tests of what the audit finds, and of time that has passed. */
export async function changeEntries(
  database: Database,
  change: (tx: Transaction) => Promise<unknown>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query("SET LOCAL session_replication_role TO replica");
    await change(tx);
  });
}

/**
 * Moves a pool's entries to these moments, the first to the first and so on, as if they had happened then; its usage is rolled
 * up anew. Moments must run in the order of the entries.
 */
export async function placeEntries(database: Database, pool: PoolRef, at: readonly Date[]): Promise<void> {
  const { shard, accountNo, typeNo } = await poolKeyOf(database, pool);
  await changeEntries(database, async (tx) => {
    // A running sweeper may be rolling these entries up, by their former moments.
    await tx.exec("LOCK TABLE farebox.usage_rolled IN EXCLUSIVE MODE");
    await tx.query(
      `UPDATE farebox.entries e SET at = u.at FROM unnest($3::timestamptz[]) WITH ORDINALITY u(at, seq)
       WHERE e.account_no = $1 AND e.type_no = $2 AND e.seq = u.seq`,
      [accountNo, typeNo, at],
    );
    await tx.query(
      `UPDATE farebox.pools p SET last_at = (SELECT max(e.at) FROM farebox.entries e WHERE e.account_no = $1 AND e.type_no = $2)
       WHERE p.account_no = $1 AND p.type_no = $2`,
      [accountNo, typeNo],
    );
    for (const table of ["usage", "usage_rolled", "key_spend"]) {
      await tx.query(`DELETE FROM farebox.${table} WHERE account_no = $1 AND type_no = $2`, [
        accountNo,
        typeNo,
      ]);
    }
    await sumMonthsAnew(tx);
  });
  await database.query("SELECT farebox.keep_in_sight($1, $2, $3)", [shard, accountNo, typeNo]);
}

/** Makes the sums of months what the roll-ups of all pools say, after entries or roll-ups were changed. */
async function sumMonthsAnew(tx: Transaction): Promise<void> {
  await tx.exec("DELETE FROM farebox.month_sums");
  await tx.query(
    `SELECT farebox.add_month_sums(r.shard, r.account_no, r.type_no, 0, r.seq, '-infinity') FROM farebox.usage_rolled r`,
  );
}

/** Rolls up the usage of all pools, as the sweeper does. */
export async function rollUsage(database: Database): Promise<void> {
  const pools = await database.query<{ shard: number; accountNo: number; typeNo: number }>(
    `SELECT shard, account_no AS "accountNo", type_no AS "typeNo" FROM farebox.pools ORDER BY account_no, type_no`,
  );
  for (const { shard, accountNo, typeNo } of pools) {
    for (let count = 1; count > 0; ) {
      const [row] = await database.query<{ count: number }>(
        "SELECT farebox.roll_usage($1, $2, $3, 1000) AS count",
        [shard, accountNo, typeNo],
      );
      count = row?.count ?? 0;
    }
  }
}
