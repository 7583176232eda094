import type { Database } from "../../src/ledger/database/database.ts";
import type { PoolRef } from "../../src/ledger/ledger.ts";
import { poolKeyOf } from "../../src/ledger/pools/pool-key.ts";
import { addCharges } from "../../src/ledger/testing/add-charges.ts";
import { placeEntries, rollUsage } from "../../src/ledger/testing/books.ts";
import type { FareboxProcess } from "../processes/farebox.ts";

const DAY_MS = 86_400_000;
const ENDPOINTS = 20;
const KEYS = 5;

/** An account with its charges, and a key of it to sign in with. */
export interface BusyAccount {
  readonly id: string;
  readonly pool: PoolRef;
  readonly key: string;
  /** Of a key with which nothing was called. */
  readonly unusedKeyId: string;
  /** Adds charges that are made now. */
  charge(count: number): Promise<void>;
}

/**
 * An account with so many charges, spread evenly over 13 months, 5 keys and 20 endpoints in every combination; rolled up as a running
 * Farebox rolls them up.
 */
export async function openBusyAccount(
  farebox: FareboxProcess,
  database: Database,
  charges: number,
): Promise<BusyAccount> {
  const { id } = await farebox.operate<{ id: string }>("POST", "/v1/accounts", { name: "Busy" });
  await farebox.operate("POST", `/v1/accounts/${id}/grants`, { amount: 100_000_000 });
  const keys: string[] = [];
  for (let n = 1; n <= KEYS; n += 1) {
    const made = await farebox.operate<{ key: string }>("POST", `/v1/accounts/${id}/keys`, {
      name: `key ${n}`,
    });
    keys.push(made.key);
  }
  await database.query(
    "INSERT INTO farebox.endpoints (endpoint) SELECT 'GET /v1/endpoint-' || n FROM generate_series(1, $1) n ON CONFLICT DO NOTHING",
    [ENDPOINTS],
  );
  const pool = { accountId: id, creditType: "credits", shard: await shardOf(database, id) };
  const spread = {
    amount: 1000,
    key: `(SELECT min(key_no) FROM farebox.keys WHERE account_id = '${id}') + (hashint8(n) & 1023) % ${KEYS}`,
    endpoint: `(SELECT min(endpoint_no) FROM farebox.endpoints WHERE endpoint LIKE '%/endpoint-%') + (hashint8(-n) & 1023) % ${ENDPOINTS}`,
  };
  const to = new Date();
  const from = new Date(to.getTime() - 396 * DAY_MS);
  await placeEntries(database, pool, [new Date(from.getTime() - DAY_MS)]);
  await addCharges(database, pool, { count: charges, period: { from, to }, ...spread });
  await rollUpAll(database, pool);
  const unused = await farebox.operate<{ id: string }>("POST", `/v1/accounts/${id}/keys`, { name: "unused" });
  const unusedKeyId = unused.id;
  return {
    id,
    pool,
    key: keys[0] ?? "",
    unusedKeyId,
    charge: (count) => addCharges(database, pool, { count, ...spread }),
  };
}

/** Another process may be at it as well, and then takes part. */
export async function rollUpAll(database: Database, pool: PoolRef): Promise<void> {
  while ((await countBehind(database, pool)) > 0) await rollUsage(database);
}

/** Runs while nobody rolls the pool's usage up: who wants to finds it locked, and goes on to another. */
export async function withoutRollUps(
  database: Database,
  pool: PoolRef,
  run: () => Promise<void>,
): Promise<void> {
  const { accountNo, typeNo } = await poolKeyOf(database, pool);
  await database.transaction(async (tx) => {
    await tx.exec("SET LOCAL idle_in_transaction_session_timeout TO 0");
    await tx.query("SELECT FROM farebox.usage_rolled WHERE account_no = $1 AND type_no = $2 FOR UPDATE", [
      accountNo,
      typeNo,
    ]);
    await run();
  });
}

async function countBehind(database: Database, pool: PoolRef): Promise<bigint> {
  const { shard, accountNo, typeNo } = await poolKeyOf(database, pool);
  const [row] = await database.query<{ behind: bigint }>(
    "SELECT farebox.usage_behind($1, $2, $3)::bigint AS behind",
    [shard, accountNo, typeNo],
  );
  return row?.behind ?? 0n;
}

async function shardOf(database: Database, id: string): Promise<number> {
  const [row] = await database.query<{ shard: number }>(
    "SELECT shard FROM farebox.accounts WHERE account_id = $1",
    [id],
  );
  if (row === undefined) throw new Error(`there is no account ${id}`);
  return row.shard;
}

/** So many more accounts with names, ids and metadata of their own, which have nothing. */
export async function addManyAccounts(database: Database, count: number): Promise<void> {
  await database.exec(`BEGIN;
     SET LOCAL statement_timeout TO 0;
     INSERT INTO farebox.accounts (account_id, name, shard, metadata)
     SELECT 'acc_' || substr(md5(n::text), 1, 22),
       initcap(substr(md5((7 * n)::text), 1, 3 + n % 9)) || (ARRAY[' Analytics ', ' Data ', ' Labs ', ' Trading '])[1 + n % 4] || n,
       0, jsonb_build_object('crm', n::text)
     FROM generate_series(1, ${count}) n;
     COMMIT`);
  await database.exec("VACUUM (ANALYZE) farebox.accounts");
}
