import type { Database, Transaction } from "../database/database.ts";
import { findBrokenEntries } from "./audit-entries.ts";
import { findBrokenPools } from "./audit-pools.ts";
import { findOrphans, findStrandedHolds, findStrayRecurring } from "./audit-rest.ts";
import { findWrongSums } from "./audit-sums.ts";
import { type AuditedPool, type AuditFinding, ENTRIES_PER_CHUNK } from "./audited-pool.ts";

export interface AuditOptions {
  /** Nobody is using the ledger: then anything that is still held is a finding too. */
  readonly atRest?: boolean;
}

export interface AuditReport {
  readonly findings: readonly AuditFinding[];
  readonly pools: number;
  readonly entries: number;
}

/** With {@link ENTRIES_PER_CHUNK} what one query looks at, so that it stays far below the time that a statement may take. */
const POOLS_PER_CHUNK = 500;

/**
 * Recomputes the books from their lines and compares: balance, held and spent of every pool, its entries' numbers and running
 * balances, its grants and draws, its refunds, its usage, its keys' caps. Correct while the ledger is in use: everything is read in one
 * snapshot, and nothing is locked or written. On PGlite others wait for it; on Postgres it delays only vacuum.
 */
export function auditLedger(database: Database, options: AuditOptions = {}): Promise<AuditReport> {
  return database.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const findings: AuditFinding[] = [];
    let pools = 0;
    let entries = 0;
    for await (const chunk of readChunks(tx)) {
      pools += chunk.length;
      entries += Number(chunk.reduce((sum, pool) => sum + pool.lastSeq, 0n));
      findings.push(...(await findBrokenPools(tx, chunk, options.atRest === true)));
      findings.push(...(await findBrokenEntries(tx, chunk)));
      findings.push(...(await findWrongSums(tx, chunk)));
    }
    findings.push(
      ...(await findOrphans(tx)),
      ...(await findStrandedHolds(tx)),
      ...(await findStrayRecurring(tx)),
    );
    return { findings, pools, entries };
  });
}

/** All pools in the order of their keys, in chunks of a bounded number of entries, or of one pool. */
async function* readChunks(tx: Transaction): AsyncGenerator<AuditedPool[]> {
  let last: AuditedPool | undefined;
  for (;;) {
    const rows: AuditedPool[] = await tx.query<AuditedPool>(
      `SELECT account_id AS "accountId", credit_type AS "creditType", shard, balance, held, spent, drawn, overdue,
         uncollected, last_seq AS "lastSeq", capped
       FROM farebox.pools WHERE $1::text IS NULL OR (account_id, credit_type) > ($1, $2)
       ORDER BY account_id, credit_type LIMIT $3`,
      [last?.accountId, last?.creditType, POOLS_PER_CHUNK],
    );
    if (rows.length === 0) return;
    let chunk: AuditedPool[] = [];
    let size = 0n;
    for (const pool of rows) {
      if (chunk.length > 0 && size + pool.lastSeq > ENTRIES_PER_CHUNK) {
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
