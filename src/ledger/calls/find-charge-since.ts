import type { Credits } from "../../domain/credits.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { readEntry } from "../pools/entries.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import { readChargeRefunds } from "../refunds/charge-refunds.ts";

/** A charge as the books have it, and what was given back of it. */
export interface BookedCharge {
  readonly seq: number;
  readonly charged: Credits;
  readonly uncollected: Credits;
  /** The pool's balance at the charge's commit. */
  readonly balance: Credits;
  readonly units: number;
  readonly refunded: Credits;
}

/** The charge of a request on a pool, since a moment of the database's clock. Its cost is that of the pool's entries since then. */
export async function findChargeSince(
  db: Queryable,
  pool: PoolRef,
  requestId: string,
  since: Date,
): Promise<BookedCharge | undefined> {
  const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
  const [range] = await db.query<{ first: bigint }>("SELECT farebox.first_seq_at($1, $2, $3, $4) AS first", [
    shard,
    accountNo,
    typeNo,
    since,
  ]);
  const [row] = await db.query<{ seq: bigint }>(
    `SELECT e.seq FROM farebox.entries e
     WHERE e.account_no = $1 AND e.type_no = $2 AND e.shard = $3 AND e.seq >= $4 AND e.kind = 'c' AND e.request = $5::uuid
     ORDER BY e.seq LIMIT 1`,
    [accountNo, typeNo, shard, range?.first ?? 1n, requestId],
  );
  return row === undefined ? undefined : await readBookedCharge(db, pool, Number(row.seq));
}

/** A charge by the number of its entry; undefined: that is none. */
export async function readBookedCharge(
  db: Queryable,
  pool: PoolRef,
  seq: number,
): Promise<BookedCharge | undefined> {
  const entry = await readEntry(db, pool, seq);
  if (entry?.kind !== "charge") return undefined;
  const { amount, uncollected, balance, units } = entry;
  const { refunded } = await readChargeRefunds(db, pool, seq);
  return { seq, charged: -amount, uncollected, balance, units: units ?? 0, refunded };
}
