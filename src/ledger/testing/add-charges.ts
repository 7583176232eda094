import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";

export interface ManyCharges {
  readonly count: number;
  /** Of each, in micro-credits; 1 when absent. */
  readonly amount?: number | undefined;
  /** Spread evenly over `[from, to)`, which must lie behind the pool's last entry. Absent: all are made now. */
  readonly period?: { readonly from: Date; readonly to: Date } | undefined;
  /** SQL for the number of each one's key and endpoint, by its number `n` from 1 on; 1 when absent. */
  readonly key?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** Far below the time that a statement may take. */
const CHUNK = 50_000;

/** Charges of a pool as batches write them, made by set: a million take seconds instead of minutes. */
export async function addCharges(
  database: Database,
  pool: PoolRef,
  { count, amount = 1, period, key = "1", endpoint = "1" }: ManyCharges,
): Promise<void> {
  const { shard, accountNo, typeNo } = await poolKeyOf(database, pool);
  const at =
    period === undefined
      ? "p.now"
      : `timestamptz '${period.from.toISOString()}' + (n - 1) * interval '${(period.to.getTime() - period.from.getTime()) / count} milliseconds'`;
  for (let first = 1; first <= count; first += CHUNK) {
    const last = Math.min(count, first + CHUNK - 1);
    const made = last - first + 1;
    await database.exec(`
      BEGIN;
      CREATE TEMPORARY TABLE p ON COMMIT DROP AS
        SELECT *, greatest(clock_timestamp(), last_at) AS now FROM farebox.pools
        WHERE account_no = ${accountNo} AND type_no = ${typeNo} AND shard = ${shard} FOR UPDATE;
      INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, request, key_no, endpoint_no, units,
        price_list, status, kind)
      SELECT p.account_no, p.type_no, p.shard, p.last_seq + n - ${first - 1}, ${at}, -${amount},
        p.balance - (n - ${first - 1}) * ${amount}, p.spent + (n - ${first - 1}) * ${amount},
        ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, ${key}, ${endpoint}, 1, 1, 200, 'c'
      FROM p, generate_series(${first}, ${last}) n;
      UPDATE farebox.pools o SET last_seq = o.last_seq + ${made}, balance = o.balance - ${made} * ${amount},
        spent = o.spent + ${made} * ${amount}, last_at = (SELECT ${at.replace("(n - 1)", String(last - 1))} FROM p)
      WHERE o.account_no = ${accountNo} AND o.type_no = ${typeNo} AND o.shard = ${shard};
      SELECT farebox.keep_in_sight(${shard}::smallint, ${accountNo}, ${typeNo}::smallint);
      COMMIT`);
  }
}
