import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Transaction } from "../database/database.ts";
import { sqlStateOf } from "../database/storage-error.ts";
import type { PoolKey } from "../pools/pool-key.ts";
import {
  type BulkWork,
  claimBulkRefund,
  enterNextPool,
  listCharges,
  moveBulkRefund,
  type Place,
  readPlace,
} from "./bulk-refund-place.ts";
import type { RefundFailure } from "./bulk-refunds.ts";
import { SCANNED_ENTRIES } from "./charge-filter.ts";

/**
 * Refunds in one transaction, which holds their pool's lock until it ends, and on PGlite the only connection: about half a
 * millisecond each.
 */
const CHARGES_AT_ONCE = 50;

/** Who keeps a pool locked for longer is in the way of one bulk refund, and of no other. */
const LOCK_WAIT_MS = 500;

/** So many entries are looked through while the pool is locked for the first time; a pool with more is entered first. */
const ENTRIES_WHEN_ENTERING = 2_000;

/** What one step does: these charges of the pool, and then it is at `place`. */
interface Step {
  readonly place: Place;
  readonly seqs: readonly bigint[];
}

/**
 * Carries one of the running bulk refunds a step on, in one transaction: at most 50 charges of one pool, with the counts
 * and the place. Any number of processes may call it at once: a bulk refund that another one works on is passed over, and
 * were it not, each charge is refunded under the bulk refund's own reference, once. False: there is nothing to do here.
 *
 * A charge that the database refuses to refund is recorded as failed and passed. Rejects with FareboxError
 * `storage_unavailable`; the step can then be tried again, and when somebody keeps its pool locked the others have their turns before.
 */
export async function advanceBulkRefund(database: Database): Promise<boolean> {
  let claimed: string | undefined;
  try {
    return await database.transaction(async (tx) => {
      await tx.exec(`SET LOCAL lock_timeout TO ${LOCK_WAIT_MS}`);
      const bulk = await claimBulkRefund(tx);
      claimed = bulk?.bulkId;
      if (bulk === undefined) return false;
      const step = await planStep(tx, bulk, CHARGES_AT_ONCE);
      if (step !== undefined) await carryOut(tx, bulk, step);
      return true;
    });
  } catch (error) {
    if (claimed === undefined || sqlStateOf(error) === undefined) throw error;
    // Somebody keeps its pool locked, or the database is in trouble.
    if (!isRefused(error)) throw await postpone(database, claimed, error);
    await advanceOneByOne(database, claimed);
    return true;
  }
}

/** The step in which something was refused, charge by charge, so that only those that are refused fail. */
async function advanceOneByOne(database: Database, bulkId: string): Promise<void> {
  for (let count = 0; count < CHARGES_AT_ONCE; count += 1) {
    let tried: { readonly bulk: BulkWork; readonly step: Step } | undefined;
    try {
      const goesOn = await database.transaction(async (tx) => {
        tried = undefined;
        const bulk = await claimBulkRefund(tx, bulkId);
        const step = bulk === undefined ? undefined : await planStep(tx, bulk, 1);
        if (bulk === undefined || step === undefined) return false;
        if (step.seqs.length > 0) tried = { bulk, step };
        await carryOut(tx, bulk, step);
        return true;
      });
      if (!goesOn) return;
    } catch (error) {
      if (tried === undefined || !isRefused(error)) throw await postpone(database, bulkId, error);
      await passFailed(database, tried.bulk, tried.step, error);
    }
  }
}

/** Not the fault of a charge: the other bulk refunds get their turn before this one is tried again. Returns the error. */
async function postpone(database: Database, bulkId: string, error: unknown): Promise<unknown> {
  await database.query(
    "UPDATE farebox.bulk_refunds SET moved_at = statement_timestamp() WHERE bulk_id = $1",
    [bulkId],
  );
  return error;
}

/** Whether the database refused a statement, as it would again. */
function isRefused(error: unknown): error is Error {
  const isEnvironment = error instanceof FareboxError && error.retryable;
  return error instanceof Error && !isEnvironment && sqlStateOf(error) !== undefined;
}

async function passFailed(database: Database, tried: BulkWork, step: Step, error: Error): Promise<void> {
  const { accountId, creditType } = step.place.pool;
  const failure: RefundFailure = { accountId, creditType, seq: Number(step.seqs[0]), reason: error.message };
  await database.transaction(async (tx) => {
    const bulk = await claimBulkRefund(tx, tried.bulkId);
    // Somebody else went on meanwhile and met the same charge.
    if (bulk === undefined || !isSamePlace(bulk, tried)) return;
    await moveBulkRefund(tx, bulk, step.place, { refunded: 0, skipped: 0, credits: 0n, failure });
  });
}

function isSamePlace(left: BulkWork, right: BulkWork): boolean {
  return (
    left.accountId === right.accountId &&
    left.creditType === right.creditType &&
    left.nextSeq === right.nextSeq
  );
}

/** Undefined when the step was to go to another pool, which is written, or to find that there is none. */
async function planStep(tx: Transaction, bulk: BulkWork, limit: number): Promise<Step | undefined> {
  const isEntered = bulk.nextSeq !== null;
  const place = isEntered ? await readPlace(tx, bulk) : await enterNextPool(tx, bulk);
  if (place === undefined) return undefined;
  if (!isEntered && place.endSeq - place.nextSeq > ENTRIES_WHEN_ENTERING) return { place, seqs: [] };
  const until = Math.min(place.endSeq, place.nextSeq + SCANNED_ENTRIES);
  const seqs = await listCharges(tx, bulk, { ...place, endSeq: until }, limit);
  const last = seqs.length === limit ? seqs.at(-1) : undefined;
  return { place: { ...place, nextSeq: last === undefined ? until : Number(last) + 1 }, seqs };
}

/** Refunds what is left of each charge. One that this bulk refund has refunded before counts as one with nothing left. */
async function carryOut(tx: Transaction, bulk: BulkWork, { place, seqs }: Step): Promise<void> {
  const done = seqs.length === 0 ? undefined : await refundCharges(tx, bulk, place.pool, seqs);
  await moveBulkRefund(tx, bulk, place, done);
}

async function refundCharges(
  tx: Transaction,
  { bulkId, reason }: BulkWork,
  pool: PoolKey,
  seqs: readonly bigint[],
): Promise<{ readonly refunded: number; readonly skipped: number; readonly credits: Credits }> {
  const [row] = await tx.query<{ reply: { readonly refunded: number; readonly credits: number | string } }>(
    "SELECT farebox.refund_charges($1, $2, $3, $4, $5, $6) AS reply",
    [pool.shard, pool.accountNo, pool.typeNo, seqs, reason, `bulk:${bulkId}`],
  );
  if (row === undefined) throw new Error("refund_charges returned nothing");
  const { refunded, credits } = row.reply;
  return { refunded, skipped: seqs.length - refunded, credits: BigInt(credits) };
}
