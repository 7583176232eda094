import type { Credits } from "../../domain/credits.ts";
import type { ChargeRef } from "../../domain/ids.ts";
import type { Queryable } from "../database/database.ts";
import type { JobCharges } from "../long-holds/read-long-holds.ts";
import type { ChargeRefund } from "../refunds/charge-refunds.ts";
import { type ExplainedCall, type ExplainedPart, explainCall } from "./explain-call.ts";
import type { FoundCall } from "./find-call.ts";

/** Of a job's refunds, those that are told one by one. */
const MOST_REFUNDS = 200;

/**
 * What was found under a request's id: a call with its charge, or a job with all of its charges and their sums. `only` says which charge
 * is meant where it is no job. Undefined: there is none.
 */
export async function explainFound(
  db: Queryable,
  { job, ...found }: FoundCall,
  only: (found: FoundCall) => ChargeRef | undefined,
): Promise<ExplainedCall | undefined> {
  if (job !== undefined && job.total > 1) return await explainJob(db, job);
  const charge = only(found);
  return charge && (await explainCall(db, charge));
}

interface Sums {
  readonly charged: Credits;
  readonly uncollected: Credits;
  readonly units: bigint;
  readonly balance: Credits;
  readonly refunded: Credits;
}

async function explainJob(db: Queryable, job: JobCharges): Promise<ExplainedCall | undefined> {
  const [charge] = job.charges;
  const first = charge && (await explainCall(db, charge));
  if (first === undefined) return undefined;
  const [sums] = await db.query<Sums>(SUMS, paramsOf(job));
  const parts = await db.query<Omit<ExplainedPart, "charge" | "part"> & { seq: bigint; part: string }>(
    PARTS,
    paramsOf(job),
  );
  const refunds = await db.query<ChargeRefund>(REFUNDS, paramsOf(job));
  if (sums === undefined) return undefined;
  const { charged, uncollected, units, balance, refunded } = sums;
  const { accountId, creditType } = job;
  return {
    ...first,
    entry: { ...first.entry, amount: -charged, uncollected, units: Number(units), balance },
    list: charged + uncollected,
    held: job.asked,
    // Each is of one charge.
    tierUse: undefined,
    growth: undefined,
    refunds,
    refunded,
    parts: {
      total: job.total,
      first: parts.map(({ seq, part, at, units: ofPart, list, charged: taken, refunded: back }) => ({
        charge: { accountId, creditType, seq: Number(seq) },
        part: part === "" ? undefined : part,
        at,
        units: ofPart,
        list,
        charged: taken,
        refunded: back,
      })),
    },
  };
}

function paramsOf({ accountId, creditType, holdId, shard }: JobCharges) {
  return [accountId, creditType, holdId, shard];
}

const OF_JOB = `p.account_no = (SELECT a.account_no FROM farebox.accounts a WHERE a.account_id = $1)
  AND p.type_no = (SELECT t.type_no FROM farebox.credit_types t WHERE t.credit_type = $2)
  AND p.hold_id = $3 AND p.shard = $4 AND p.seq IS NOT NULL`;

const OF_PART =
  "r.account_no = p.account_no AND r.type_no = p.type_no AND r.seq = p.seq AND r.shard = p.shard";

const REFUNDED = `coalesce((SELECT sum(r.amount) FROM farebox.refunds r WHERE ${OF_PART} AND r.shard = $4), 0)::bigint`;

const SUMS = `SELECT sum(p.charged)::bigint AS charged, sum(p.uncollected)::bigint AS uncollected, sum(p.units)::bigint AS units,
    (array_agg(p.balance_after ORDER BY p.seq DESC))[1] AS balance, sum(${REFUNDED})::bigint AS refunded
  FROM farebox.hold_parts p WHERE ${OF_JOB}`;

const PARTS = `SELECT p.seq, p.part, p.at, p.units, p.charged + p.uncollected AS list, p.charged, ${REFUNDED} AS refunded
  FROM farebox.hold_parts p WHERE ${OF_JOB} ORDER BY p.seq LIMIT 100`;

const REFUNDS = `SELECT e.at, r.amount, e.reason, r.reference
  FROM farebox.hold_parts p
  JOIN farebox.refunds r ON ${OF_PART} AND r.shard = $4 AND r.refund_seq IS NOT NULL
  JOIN farebox.entries e ON e.account_no = r.account_no AND e.type_no = r.type_no AND e.shard = r.shard AND e.shard = $4
    AND e.seq = r.refund_seq
  WHERE ${OF_JOB} ORDER BY r.refund_seq LIMIT ${MOST_REFUNDS}`;
