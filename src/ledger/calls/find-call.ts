import { type ChargeRef, parseChargeId, readUuidV7Time } from "../../domain/ids.ts";
import type { Queryable } from "../database/database.ts";
import type { ExportJob } from "../exports/export-job.ts";
import { readExport } from "../exports/read-exports.ts";
import { type JobCharges, listJobCharges } from "../long-holds/read-long-holds.ts";
import { type FoundCharges, findChargesOfRequest, isRequestId } from "../refunds/find-charges.ts";
import { listUsedShards } from "../reports/usage-tails.ts";

const MINUTE = 60_000;

/**
 * How long before and after its id a call is looked for in all accounts: the id has the time of the instance that took it in, the
 * charge the database's, when the response was complete.
 */
const WINDOWS: readonly (readonly [number, number])[] = [
  [MINUTE / 2, 2 * MINUTE],
  [5 * MINUTE, 15 * MINUTE],
];

/** Pools of a shard that are looked through for one id: about a second. */
const MOST_POOLS = 5_000;

export interface FoundCall extends FoundCharges {
  /** It is a job with a long hold: `charges` are the first of its. */
  readonly job?: JobCharges;
}

/**
 * The charges of a call of one account, named by the request's id, by an export's, or by the charge's. At most `mostEntries` entries
 * are looked through. A charge of another account is as unknown as one that never was.
 */
export async function findCallOfAccount(
  db: Queryable,
  account: { readonly accountId: string; readonly shard: number },
  call: string,
  mostEntries?: number,
): Promise<FoundCall> {
  const charge = parseChargeId(call);
  if (charge !== undefined) {
    return { charges: charge.accountId === account.accountId ? [charge] : [], isComplete: true };
  }
  const id = call.toLowerCase();
  const job = await readExport(db, account.shard, id);
  if (job?.accountId === account.accountId) return { charges: chargesOf(job), isComplete: true };
  const long = await listJobCharges(db, account.shard, id);
  if (long?.accountId === account.accountId) return { charges: long.charges, isComplete: true, job: long };
  return await findChargesOfRequest(db, account, id, mostEntries === undefined ? {} : { mostEntries });
}

/** An export is charged long after the time that its id has: it knows its charge. */
function chargesOf({ accountId, creditType, charge }: ExportJob): readonly ChargeRef[] {
  return charge === null || charge.seq === null ? [] : [{ accountId, creditType, seq: charge.seq }];
}

/**
 * The charges of a request in all accounts, shard by shard: in those pools that were charged about the time that its id, a UUIDv7,
 * has. Never complete for an id without a time, and when more than {@link MOST_POOLS} pools of a shard were charged then.
 */
export async function findCallAnywhere(db: Queryable, call: string): Promise<FoundCall> {
  const charge = parseChargeId(call);
  if (charge !== undefined) return { charges: [charge], isComplete: true };
  if (!isRequestId(call)) return { charges: [], isComplete: true };
  const shards = await listUsedShards(db);
  for (const shard of shards) {
    const job = await readExport(db, shard, call.toLowerCase());
    if (job !== undefined) return { charges: chargesOf(job), isComplete: true };
    const long = await listJobCharges(db, shard, call.toLowerCase());
    if (long !== undefined) return { charges: long.charges, isComplete: true, job: long };
  }
  const at = readUuidV7Time(call);
  if (at === undefined) return { charges: [], isComplete: false };
  let isComplete = true;
  for (const [before, after] of WINDOWS) {
    const charges: ChargeRef[] = [];
    for (const shard of shards) {
      const { found, pools } = await findInShard(
        db,
        shard,
        call,
        new Date(at - before),
        new Date(at + after),
      );
      charges.push(...found);
      if (pools >= MOST_POOLS) isComplete = false;
    }
    if (charges.length > 0) return { charges, isComplete };
  }
  return { charges: [], isComplete };
}

interface FoundRow {
  readonly accountId: string;
  readonly creditType: string;
  readonly seq: bigint;
}

async function findInShard(
  db: Queryable,
  shard: number,
  requestId: string,
  from: Date,
  to: Date,
): Promise<{ readonly found: readonly ChargeRef[]; readonly pools: number }> {
  const [row] = await db.query<{ answer: { pools: number; charges: { a: number; t: number; s: number }[] } }>(
    "SELECT farebox.find_request($1, $2::uuid, $3, $4, $5) AS answer",
    [shard, requestId, from, to, MOST_POOLS],
  );
  const { charges = [], pools = 0 } = row?.answer ?? {};
  const found: ChargeRef[] = [];
  for (const { a, t, s } of charges) {
    const [named] = await db.query<FoundRow>(
      `SELECT a.account_id AS "accountId", t.credit_type AS "creditType", $3::bigint AS seq
       FROM farebox.accounts a CROSS JOIN farebox.credit_types t WHERE a.account_no = $1 AND t.type_no = $2`,
      [a, t, s],
    );
    if (named !== undefined) found.push({ ...named, seq: Number(named.seq) });
  }
  return { found, pools };
}
