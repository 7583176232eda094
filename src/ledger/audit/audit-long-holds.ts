import type { Queryable } from "../database/database.ts";
import { countCharges } from "./audit-exports.ts";
import {
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

/** What a long hold says of itself, and what its rows say. */
interface LongHoldRow extends PoolRow {
  readonly requestId: string;
  readonly parts: bigint;
  readonly charged: bigint;
  readonly partsFound: bigint;
  readonly chargedFound: bigint;
  /** Parts that have an entry, and those whose entry is not theirs to the micro-credit. */
  readonly entries: bigint;
  readonly strangers: bigint;
  /** It has ended, or what is held for it is more than was asked less what it was charged. */
  readonly holdsTooMuch: boolean;
}

/** Compares long holds with their parts, their charges and what is set aside for them. */
export async function findBrokenLongHolds(
  db: Queryable,
  chunk: Chunk,
  chunkEntries: number,
): Promise<AuditFinding[]> {
  const rows = await db.query<LongHoldRow>(LONG_HOLDS, poolColumns(chunk));
  if (rows.length === 0) return [];
  const reports = new Map(chunk.map((pool) => [poolName(pool), new PoolReport(pool)]));
  const withHolds = new Set(rows.map(poolName));
  const charges = await countCharges(
    db,
    chunk.filter((pool) => withHolds.has(poolName(pool))),
    rows.map(({ requestId }) => requestId),
    chunkEntries,
  );
  for (const row of rows) {
    const report = reports.get(poolName(row));
    if (report === undefined) continue;
    const where = { longHold: row.requestId };
    report.equal("I1", "a long hold has the parts that it says", row.parts, row.partsFound, where);
    report.equal("I1", "a long hold was charged what its parts were", row.charged, row.chargedFound, where);
    report.equal("I1", "each part of a long hold has its own entry", 0n, row.strangers, where);
    report.equal(
      "I1",
      "a long hold has the charges of its parts and no other",
      row.entries,
      charges.get(row.requestId) ?? 0n,
      where,
    );
    if (row.holdsTooMuch)
      report.add("I8", "a long hold holds what was asked less its charges, or nothing", where);
  }
  return [...reports.values()].flatMap(({ findings }) => findings);
}

const LONG_HOLDS = `SELECT ${BY_POOL}, l.request::text AS "requestId", l.parts::bigint AS parts, l.charged, p.*, (
    SELECT count(*) FROM farebox.holds h
    WHERE ${ownedBy("h")} AND h.hold_id = l.hold_id AND h.state = 'live'
      AND (l.state IN ('settled', 'released') OR h.amount > l.asked OR h.asked <> l.asked OR h.expires_at <> l.expires_at)
  ) > 0 AS "holdsTooMuch"
  FROM ${POOLS} JOIN farebox.long_holds l ON ${ownedBy("l")}
  CROSS JOIN LATERAL (
    SELECT count(*) AS "partsFound", coalesce(sum(t.charged), 0)::bigint AS "chargedFound", count(t.seq) AS entries,
      count(*) FILTER (WHERE t.seq IS NOT NULL AND NOT EXISTS (
        SELECT FROM farebox.entries e
        WHERE ${ownedBy("e")} AND e.seq = t.seq AND e.kind = 'c' AND e.request = l.request AND e.amount = -t.charged
          AND e.balance = t.balance_after AND coalesce(e.uncollected, 0) = t.uncollected AND e.units = t.units
      )) AS strangers
    FROM farebox.hold_parts t WHERE ${ownedBy("t")} AND t.hold_id = l.hold_id
  ) p`;
