import type { Queryable } from "../database/database.ts";
import { seqRanges } from "./audit-entries.ts";
import {
  type AuditedPool,
  type AuditFinding,
  BY_POOL,
  type Chunk,
  ownedBy,
  POOLS,
  PoolReport,
  type PoolRow,
  poolColumns,
  poolName,
} from "./audited-pool.ts";

/** What an export says of itself, and what its rows say. */
interface ExportRow extends PoolRow {
  readonly exportId: string;
  readonly charged: bigint | null;
  readonly chargedSeq: bigint | null;
  /** Its records at its price. */
  readonly price: bigint;
  /** The entry that it names is its charge, to the micro-credit. */
  readonly isEntry: boolean;
  readonly records: bigint;
  readonly ofParts: bigint;
  /** Its parts' numbers, sizes and records are what it says; of one whose files are over they may be gone. */
  readonly arePartsKnown: boolean;
}

/**
 * Compares exports with their charges, parts and holds. That a part has a size and a digest, and that a charged export says what it was
 * charged, the tables' own constraints see to.
 */
export async function findBrokenExports(
  db: Queryable,
  chunk: Chunk,
  chunkEntries: number,
): Promise<AuditFinding[]> {
  const reports = new Map(chunk.map((pool) => [poolName(pool), new PoolReport(pool)]));
  const rows = await db.query<ExportRow>(EXPORTS, poolColumns(chunk));
  const withExports = new Set(rows.map(poolName));
  const charges = await countCharges(
    db,
    chunk.filter((pool) => withExports.has(poolName(pool))),
    rows.map(({ exportId }) => exportId),
    chunkEntries,
  );
  for (const row of rows) {
    const report = reports.get(poolName(row));
    if (report !== undefined) compareExport(report, row, charges.get(row.exportId) ?? 0n);
  }
  for (const row of await db.query<PoolRow & { readonly holdId: string }>(LEFT_HOLDS, poolColumns(chunk))) {
    reports.get(poolName(row))?.add("I8", "an export that has ended holds nothing", { hold: row.holdId });
  }
  return [...reports.values()].flatMap(({ findings }) => findings);
}

function compareExport(report: PoolReport, row: ExportRow, charges: bigint): void {
  const { exportId, charged, chargedSeq } = row;
  const where = { export: exportId };
  const expected = chargedSeq === null ? 0n : 1n;
  report.equal("I1", "an export has the one charge that it says, or none", expected, charges, where);
  if (charged !== null) {
    report.equal("I1", "an export is charged for its records", charged, row.price, where);
    if (!row.isEntry) report.add("I1", "an export's charge is its entry", { ...where, seq: chargedSeq });
  }
  if (!row.arePartsKnown) {
    const { records, ofParts } = row;
    report.add("I1", "an export's parts are what it says", { ...where, records, ofParts });
  }
}

/** How many charges name each of these exports. */
async function countCharges(
  db: Queryable,
  pools: readonly AuditedPool[],
  exportIds: readonly string[],
  chunkEntries: number,
): Promise<Map<string, bigint>> {
  const counts = new Map<string, bigint>();
  for (const [from, to] of seqRanges(pools, chunkEntries)) {
    const rows = await db.query<{ request: string; count: bigint }>(CHARGES, [
      ...poolColumns(pools),
      from,
      to,
      exportIds,
    ]);
    for (const { request, count } of rows) counts.set(request, (counts.get(request) ?? 0n) + count);
  }
  return counts;
}

/** See pay_export for the most that one costs. */
const EXPORTS = `SELECT ${BY_POOL}, x.export_id AS "exportId", x.charged, x.charged_seq AS "chargedSeq", x.records::bigint AS records,
    least(x.records::numeric * x.price, 2000000000000000)::bigint AS price, p.records AS "ofParts",
    CASE WHEN x.charged_seq IS NULL THEN x.charged = 0 ELSE EXISTS (
      SELECT FROM farebox.entries e
      WHERE ${ownedBy("e")} AND e.seq = x.charged_seq AND e.kind = 'c' AND e.request = x.export_id AND e.amount = -x.charged
        AND e.units = x.records AND e.balance = x.balance_after AND e.uncollected IS NULL AND e.key_no = x.key_no
    ) END IS TRUE AS "isEntry",
    (p.count = x.parts AND p.last = x.parts AND p.records = x.records AND p.bytes = x.bytes)
      OR (p.count = 0 AND x.state IN ('expired', 'failed', 'cancelled')) AS "arePartsKnown"
  FROM ${POOLS} JOIN farebox.exports x ON ${ownedBy("x")}
  CROSS JOIN LATERAL (
    SELECT count(*) AS count, coalesce(max(t.part), 0) AS last, coalesce(sum(t.records), 0)::bigint AS records,
      coalesce(sum(t.bytes), 0)::bigint AS bytes
    FROM farebox.export_parts t WHERE t.export_id = x.export_id AND t.shard = $1
  ) p`;

const CHARGES = `SELECT e.request::text AS request, count(*) AS count
  FROM ${POOLS} JOIN farebox.entries e ON ${ownedBy("e")}
  WHERE e.seq >= $4::bigint AND e.seq <= $5::bigint AND e.kind = 'c' AND e.request = ANY ($6::uuid[])
  GROUP BY e.request`;

/** By the names that hold_for_export gives. */
const LEFT_HOLDS = `SELECT ${BY_POOL}, h.hold_id AS "holdId"
  FROM ${POOLS} JOIN farebox.exports x ON ${ownedBy("x")}
  CROSS JOIN LATERAL generate_series(0, x.retries) n(time)
  JOIN farebox.holds h ON ${ownedBy("h")} AND h.hold_id = format('export:%s:%s', x.export_id, n.time)
  WHERE h.state = 'live' AND (x.hold_id = h.hold_id AND x.state IN ('queued', 'running')) IS NOT TRUE`;
