import type { Database, Queryable } from "../database/database.ts";
import { findBrokenEntries } from "./audit-entries.ts";
import { findBrokenExports } from "./audit-exports.ts";
import { findBrokenLeases } from "./audit-leases.ts";
import { findBrokenLongHolds } from "./audit-long-holds.ts";
import { MonthAudit } from "./audit-months.ts";
import { findBrokenPools } from "./audit-pools.ts";
import { findOrphans, findStrayRecurring } from "./audit-rest.ts";
import { findBrokenUsage } from "./audit-usage.ts";
import type { AuditedPool, AuditFinding } from "./audited-pool.ts";
import { plannedOnce } from "./planned-once.ts";

export interface AuditOptions {
  /** Nobody is using the ledger: then anything that is still held is a finding too. */
  readonly atRest?: boolean;
  /** Entries that one query looks at; 200,000 when absent. */
  readonly chunkEntries?: number;
}

export interface AuditReport {
  readonly findings: readonly AuditFinding[];
  readonly pools: number;
  readonly entries: number;
}

/** With {@link POOLS_PER_CHUNK} what one query looks at, so that it stays far below the time that a statement may take. */
const ENTRIES_PER_CHUNK = 200_000;
const POOLS_PER_CHUNK = 500;

const WAYS = ["seqscan", "bitmapscan", "hashjoin", "mergejoin"] as const;

/**
 * Recomputes the books from their lines and compares: balance, held and spent of every pool, its entries' numbers, times and
 * running balances, its grants and draws, its refunds, its exports, its long holds, its usage, its keys' spending and caps, and the months' sums. Correct while the ledger is in use:
 * everything is read in one snapshot, and nothing is locked or written. On PGlite others wait for it; on Postgres it delays only
 * vacuum.
 */
export function auditLedger(database: Database, options: AuditOptions = {}): Promise<AuditReport> {
  const { atRest = false, chunkEntries = ENTRIES_PER_CHUNK } = options;
  return database.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const shards = await tx.query<{ shard: number }>(
      "SELECT DISTINCT shard FROM farebox.accounts ORDER BY shard",
    );
    // A chunk is looked up by keys, in their order, whatever the planner knows of the tables.
    await tx.exec(WAYS.map((way) => `SET LOCAL enable_${way} TO off`).join("; "));
    const db = await plannedOnce(tx);
    const findings: AuditFinding[] = [];
    let pools = 0;
    let entries = 0;
    for (const { shard } of shards) {
      let last: AuditedPool | undefined;
      const months = new MonthAudit(db, shard, chunkEntries);
      for await (const chunk of readChunks(db, shard, chunkEntries)) {
        pools += chunk.length;
        entries += Number(chunk.reduce((sum, pool) => sum + pool.lastSeq, 0n));
        findings.push(...(await findBrokenPools(db, chunk, atRest)));
        findings.push(...(await findBrokenLeases(db, chunk)));
        findings.push(...(await findBrokenEntries(db, chunk, chunkEntries)));
        findings.push(...(await findBrokenExports(db, chunk, chunkEntries)));
        findings.push(...(await findBrokenLongHolds(db, chunk, chunkEntries)));
        findings.push(...(await findBrokenUsage(db, chunk, chunkEntries)));
        await months.add(chunk);
        findings.push(...(await findStrayRecurring(db, chunk)));
        findings.push(...(await findOrphans(db, shard, last?.accountNo, chunk.at(-1)?.accountNo)));
        last = chunk.at(-1);
      }
      findings.push(...(await findOrphans(db, shard, last?.accountNo, undefined)));
      findings.push(...(await months.finish()));
    }
    return { findings, pools, entries };
  });
}

/** All pools of a shard in the order of their keys, in chunks of a bounded number of entries, or of one pool. */
async function* readChunks(
  db: Queryable,
  shard: number,
  chunkEntries: number,
): AsyncGenerator<AuditedPool[]> {
  let last: AuditedPool | undefined;
  for (;;) {
    const rows: AuditedPool[] = await db.query<AuditedPool>(POOLS_OF_SHARD, [
      shard,
      last?.accountNo ?? 0,
      last?.typeNo ?? 0,
      POOLS_PER_CHUNK,
    ]);
    if (rows.length === 0) return;
    let chunk: AuditedPool[] = [];
    let size = 0n;
    for (const pool of rows) {
      if (chunk.length > 0 && size + pool.lastSeq > chunkEntries) {
        yield chunk;
        chunk = [];
        size = 0n;
      }
      chunk.push(pool);
      size += pool.lastSeq;
    }
    yield chunk;
    last = rows.at(-1);
  }
}

const POOLS_OF_SHARD = `SELECT p.account_no AS "accountNo", p.type_no AS "typeNo", p.shard, p.balance, p.held, p.spent, p.drawn, p.overdue,
    p.uncollected, p.capped, p.last_seq AS "lastSeq", coalesce(a.account_id, 'number ' || p.account_no) AS "accountId",
    coalesce(a.shard = p.shard, false) AS "hasAccount",
    coalesce((SELECT t.credit_type FROM farebox.credit_types t WHERE t.type_no = p.type_no), 'number ' || p.type_no) AS "creditType",
    coalesce((SELECT sum(l) FROM unnest(p.lease_amount) l), 0)::bigint AS leased,
    (extract(epoch FROM nullif(p.last_at, '-infinity')) * 1000000)::bigint AS "lastAt"
  FROM farebox.pools p
  LEFT JOIN farebox.accounts a ON a.account_no = p.account_no
  WHERE p.shard = $1 AND (p.account_no, p.type_no) > ($2, $3)
  ORDER BY p.account_no, p.type_no LIMIT $4`;
