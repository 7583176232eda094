import type { Credits } from "../../domain/credits.ts";
import type { Queryable, Transaction } from "../database/database.ts";
import { writeAudit } from "../operators/operator-audit.ts";
import { poolKeyOf } from "../pools/pool-key.ts";
import {
  type ChargedPool,
  findSeqRange,
  listChargedPools,
  type PoolPlace,
} from "../reports/charged-pools.ts";
import {
  BULK_COLUMNS,
  type BulkRow,
  type RefundFailure,
  readCredits,
  readFilter,
  storeCredits,
} from "./bulk-refunds.ts";
import { chargeConditions, chargeParameters } from "./charge-filter.ts";

/** A running bulk refund and where it goes on. */
export interface BulkWork extends BulkRow {
  /** The pool that it is in, or the last one that it is finished with. */
  readonly accountId: string;
  readonly creditType: string;
  /** Null: it is in no pool. */
  readonly nextSeq: bigint | null;
  readonly endSeq: bigint | null;
  readonly countedAccount: string | null;
}

/** The part of a pool that is still to be looked at, `endSeq` not included. */
export interface Place {
  readonly pool: ChargedPool;
  readonly nextSeq: number;
  readonly endSeq: number;
}

/** Failures whose reason is kept. */
const KEPT_FAILURES = 20;

/** Whether any is running: what is asked again and again while none is. */
export async function isBulkRefundRunning(db: Queryable): Promise<boolean> {
  const found = await db.query({
    name: "bulk-refund-running",
    text: "SELECT FROM farebox.bulk_refunds WHERE state = 'running' LIMIT 1",
  });
  return found.length > 0;
}

/** The running bulk refund that waited longest, or the named one, locked; undefined when there is none that nobody works on. */
export async function claimBulkRefund(tx: Transaction, bulkId?: string): Promise<BulkWork | undefined> {
  const [row] = await tx.query<BulkWork>(
    `SELECT ${BULK_COLUMNS}, account_id AS "accountId", credit_type AS "creditType", next_seq AS "nextSeq",
       end_seq AS "endSeq", counted_account AS "countedAccount"
     FROM farebox.bulk_refunds WHERE state = 'running' AND ($1::text IS NULL OR bulk_id = $1)
     ORDER BY moved_at, bulk_id LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [bulkId],
  );
  return row;
}

/** The rest of the pool that was entered in an earlier step. */
export async function readPlace(db: Queryable, bulk: BulkWork): Promise<Place> {
  const { accountId, creditType, nextSeq, endSeq } = bulk;
  const [row] = await db.query<{ shard: number }>(
    "SELECT shard FROM farebox.accounts WHERE account_id = $1",
    [accountId],
  );
  if (row === undefined || nextSeq === null || endSeq === null)
    throw new Error(`${bulk.bulkId} is in no pool`);
  const pool = { accountId, creditType, shard: row.shard };
  return {
    pool: { ...pool, ...(await poolKeyOf(db, pool)) },
    nextSeq: Number(nextSeq),
    endSeq: Number(endSeq),
  };
}

/**
 * Goes to the next pool that was charged in the period. Undefined: none was found in this step, or none is left and the
 * bulk refund is done; both are written. The pool is locked before its entries are counted: a charge in the period that was
 * made by a batch which had not committed when the bulk refund was created is there now.
 */
export async function enterNextPool(tx: Transaction, bulk: BulkWork): Promise<Place | undefined> {
  const filter = readFilter(bulk);
  const { pools, next } = await listChargedPools(tx, filter, bulk);
  const [pool] = pools;
  if (pool === undefined) {
    await (next === null ? finish(tx, bulk) : movePast(tx, bulk, next));
    return undefined;
  }
  await tx.query("SELECT farebox.lock_pool($1::smallint, $2::int, $3::smallint)", [
    pool.shard,
    pool.accountNo,
    pool.typeNo,
  ]);
  const { first, end } = await findSeqRange(tx, pool, filter);
  return { pool, nextSeq: first, endSeq: end };
}

/** The first charges of the place that match. */
export async function listCharges(
  db: Queryable,
  bulk: BulkWork,
  { pool, nextSeq, endSeq }: Place,
  limit: number,
): Promise<bigint[]> {
  const rows = await db.query<{ seq: bigint }>(
    `SELECT e.seq FROM farebox.entries e
     WHERE e.account_no = $1 AND e.type_no = $2 AND e.shard = $3 AND e.seq >= $4 AND e.seq < $5
       AND ${chargeConditions(6)}
     ORDER BY e.seq LIMIT $12`,
    [pool.accountNo, pool.typeNo, pool.shard, nextSeq, endSeq, ...chargeParameters(readFilter(bulk)), limit],
  );
  return rows.map(({ seq }) => seq);
}

interface Done {
  readonly refunded: number;
  readonly skipped: number;
  readonly credits: Credits;
  readonly failure?: RefundFailure | undefined;
}

/** Writes how far the bulk refund is and what the step did. */
export async function moveBulkRefund(
  tx: Transaction,
  bulk: BulkWork,
  place: Place,
  { refunded, skipped, credits, failure }: Done = { refunded: 0, skipped: 0, credits: 0n },
): Promise<void> {
  const { accountId, creditType } = place.pool;
  const totals = readCredits(bulk.creditsRefunded);
  if (credits > 0n) totals.set(creditType, (totals.get(creditType) ?? 0n) + credits);
  const isOver = place.nextSeq >= place.endSeq;
  const isNewAccount = refunded > 0 && bulk.countedAccount !== accountId;
  const failures =
    failure === undefined ? bulk.failures : [...bulk.failures, failure].slice(0, KEPT_FAILURES);
  await tx.query(
    `UPDATE farebox.bulk_refunds SET account_id = $2, credit_type = $3, next_seq = $4, end_seq = $5,
       charges_refunded = charges_refunded + $6, charges_skipped = charges_skipped + $7,
       charges_failed = charges_failed + $8, accounts_refunded = accounts_refunded + $9, counted_account = $10,
       credits_refunded = $11, failures = $12, moved_at = statement_timestamp()
     WHERE bulk_id = $1`,
    [
      bulk.bulkId,
      accountId,
      creditType,
      isOver ? null : place.nextSeq,
      isOver ? null : place.endSeq,
      refunded,
      skipped,
      failure === undefined ? 0 : 1,
      isNewAccount ? 1 : 0,
      isNewAccount ? accountId : bulk.countedAccount,
      storeCredits(totals),
      JSON.stringify(failures),
    ],
  );
}

async function movePast(
  tx: Transaction,
  bulk: BulkWork,
  { accountId, creditType }: PoolPlace,
): Promise<void> {
  await tx.query(
    `UPDATE farebox.bulk_refunds SET account_id = $2, credit_type = $3, moved_at = statement_timestamp()
     WHERE bulk_id = $1`,
    [bulk.bulkId, accountId, creditType],
  );
}

async function finish(tx: Transaction, bulk: BulkWork): Promise<void> {
  await tx.query(
    `UPDATE farebox.bulk_refunds SET state = 'done', finished_at = statement_timestamp(), moved_at = statement_timestamp()
     WHERE bulk_id = $1`,
    [bulk.bulkId],
  );
  await writeAudit(tx, {
    actor: "farebox",
    action: "bulk_refund.finish",
    target: bulk.bulkId,
    detail: {
      charges: Number(bulk.chargesRefunded),
      accounts: Number(bulk.accountsRefunded),
      skipped: Number(bulk.chargesSkipped),
      failed: Number(bulk.chargesFailed),
      microCredits: bulk.creditsRefunded,
    },
  });
}
