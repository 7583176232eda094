import type { Queryable } from "../database/database.ts";
import { seqRanges } from "./audit-entries.ts";
import {
  type AuditFinding,
  BY_POOL,
  type Chunk,
  ownedBy,
  POOLS,
  type PoolRow,
  poolColumns,
  poolName,
} from "./audited-pool.ts";
import type { RecordedSpending } from "./key-spending.ts";
import { PoolUsage, type RecordedUsage } from "./pool-usage.ts";
import type { UsageGroup } from "./usage-group.ts";

/**
 * Compares usage and keys' spending with the entries that are rolled up into them, and what caps say was spent with all of them.
 * A large pool is compared day by day, so that no more than a range of its entries is held in memory.
 */
export async function findBrokenUsage(
  db: Queryable,
  chunk: Chunk,
  chunkEntries: number,
): Promise<AuditFinding[]> {
  const pools = new Map(chunk.map((pool) => [poolName(pool), new PoolUsage(pool)]));
  const parameters = poolColumns(chunk);
  for (const row of await db.query<RecordedSpending>(SPENDING, parameters)) {
    pools.get(poolName(row))?.spending.expect(row);
  }
  let compared = Number.NEGATIVE_INFINITY;
  const compareBefore = async (end: number): Promise<void> => {
    const rows = await db.query<RecordedUsage>(USAGE, [...parameters, timeOf(compared), timeOf(end)]);
    const recorded = Map.groupBy(rows, poolName);
    for (const [name, pool] of pools) pool.compare(recorded.get(name) ?? [], end);
    compared = end;
  };
  for (const range of seqRanges(chunk, chunkEntries)) {
    for (const query of [CHARGES, REFUNDS]) {
      const groups = await db.query<UsageGroup>(query, [...parameters, ...range]);
      for (const group of groups) pools.get(poolName(group))?.add(group);
    }
    // The next range has no charge of an earlier day, and all refunds of this one's charges are read.
    const [pool, ...others] = pools.values();
    if (pool !== undefined && others.length === 0 && pool.lastDay > compared)
      await compareBefore(pool.lastDay);
  }
  await compareBefore(Number.POSITIVE_INFINITY);
  for (const row of await db.query<RolledRow>(ROLLED, parameters)) {
    const report = pools.get(poolName(row))?.report;
    const { seq } = row;
    if (row.isAhead) report?.add("I1", "no more is rolled up than there is", { seq });
    if (row.isWrongTime) report?.add("I1", "usage is rolled up to an entry's time", { seq });
    if (row.isHidden) report?.add("I1", "active_pools has each pool whose usage is not rolled up", { seq });
  }
  return nameNumbers(
    db,
    [...pools.values()].flatMap((pool) => pool.finish()),
  );
}

/** Text, because a Date knows no infinity. `quarter` is counted from 1970 on. */
function timeOf(quarter: number): string {
  if (!Number.isFinite(quarter)) return quarter < 0 ? "-infinity" : "infinity";
  return new Date(quarter * 900_000).toISOString();
}

interface RolledRow extends PoolRow {
  /** The last entry that is rolled up. */
  readonly seq: bigint;
  readonly isAhead: boolean;
  readonly isWrongTime: boolean;
  readonly isHidden: boolean;
}

const quarterOf = (time: string): string => `floor(extract(epoch FROM ${time}) / 900)::integer`;

const ROLLED_SEQ = `coalesce((SELECT r.seq FROM farebox.usage_rolled r WHERE ${ownedBy("r")}), 0)`;

const CHARGES = `SELECT ${BY_POOL}, s.* FROM (SELECT u.*, ${ROLLED_SEQ} AS rolled FROM ${POOLS}) u CROSS JOIN LATERAL (
    SELECT ${quarterOf("e.at")} AS quarter, e.key_no AS "keyNo", e.endpoint_no AS "endpointNo",
      count(*) FILTER (WHERE e.seq <= u.rolled) AS requests,
      coalesce(sum(e.units) FILTER (WHERE e.seq <= u.rolled), 0)::bigint AS units,
      coalesce(-sum(e.amount) FILTER (WHERE e.seq <= u.rolled), 0)::bigint AS credits, 0::bigint AS refunded,
      (-sum(e.amount))::bigint AS net
    FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq >= $4::bigint AND e.seq <= $5::bigint AND e.kind = 'c'
    GROUP BY 1, 2, 3
  ) s`;

/** Of the charges in the range. */
const REFUNDS = `SELECT ${BY_POOL}, s.* FROM (SELECT u.*, ${ROLLED_SEQ} AS rolled FROM ${POOLS}) u CROSS JOIN LATERAL (
    SELECT ${quarterOf("c.at")} AS quarter, c.key_no AS "keyNo", c.endpoint_no AS "endpointNo", 0::bigint AS requests,
      0::bigint AS units, 0::bigint AS credits,
      coalesce(sum(f.amount) FILTER (WHERE f.refund_seq <= u.rolled), 0)::bigint AS refunded, (-sum(f.amount))::bigint AS net
    FROM farebox.refunds f CROSS JOIN LATERAL (
      SELECT e.at, e.key_no, e.endpoint_no FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq = f.seq AND e.kind = 'c' LIMIT 1
    ) c
    WHERE ${ownedBy("f")} AND f.seq >= $4::bigint AND f.seq <= $5::bigint
    GROUP BY 1, 2, 3
  ) s`;

const USAGE = `SELECT ${BY_POOL}, s.span, ${quarterOf("s.start")} AS quarter, s.key_no AS "keyNo", s.endpoint_no AS "endpointNo",
    s.requests, s.units, s.credits, s.refunded
  FROM ${POOLS} CROSS JOIN (VALUES ('q'::"char"), ('h'), ('d')) w(span) CROSS JOIN LATERAL (
    SELECT * FROM farebox.usage o WHERE ${ownedBy("o")} AND o.span = w.span AND o.start >= $4::timestamptz AND o.start < $5::timestamptz
    OFFSET 0
  ) s`;

const windows = (table: string): string => `${table}.key_no AS "keyNo", ${quarterOf(`${table}.day`)} AS day,
  ${table}.day_spent AS "daySpent", ${quarterOf(`${table}.month`)} AS month,
  ${quarterOf(`(${table}.month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'`)} AS "monthEnd",
  ${table}.month_spent AS "monthSpent", ${table}.total_spent AS "totalSpent"`;

const SPENDING = `SELECT ${BY_POOL}, s.* FROM ${POOLS} CROSS JOIN LATERAL (
    SELECT false AS "isCap", ${windows("k")} FROM farebox.key_spend k WHERE ${ownedBy("k")}
    UNION ALL
    SELECT true, ${windows("c")} FROM farebox.key_caps c WHERE ${ownedBy("c")}
  ) s`;

/** The month of the last entry that is rolled up may have been taken out of the table. */
const ROLLED = `SELECT * FROM (
    SELECT ${BY_POOL}, p.rolled AS seq, p.rolled > p.last_seq AS "isAhead", coalesce((
        SELECT e.at <> p.at FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq = p.rolled LIMIT 1
      ), false) AS "isWrongTime", EXISTS (
        SELECT FROM farebox.entries e WHERE ${ownedBy("e")} AND e.seq > p.rolled
      ) AND NOT EXISTS (SELECT FROM farebox.active_pools a WHERE ${ownedBy("a")}) AS "isHidden"
    FROM ${POOLS} CROSS JOIN LATERAL (
      SELECT o.last_seq, coalesce(r.seq, 0) AS rolled, r.at
      FROM farebox.pools o LEFT JOIN farebox.usage_rolled r ON ${ownedBy("r")}
      WHERE ${ownedBy("o")} LIMIT 1
    ) p
  ) r WHERE "isAhead" OR "isWrongTime" OR "isHidden"`;

/** Puts the names of keys and endpoints in the place of their numbers. */
async function nameNumbers(db: Queryable, findings: readonly AuditFinding[]): Promise<AuditFinding[]> {
  if (findings.length === 0) return [];
  const numbers = (member: "keyNo" | "endpointNo"): number[] =>
    findings.flatMap(({ detail }) => (typeof detail[member] === "number" ? [detail[member]] : []));
  const keys = await db.query<{ no: number; name: string }>(
    "SELECT key_no AS no, key_id AS name FROM farebox.keys WHERE key_no = ANY ($1::integer[])",
    [numbers("keyNo")],
  );
  const endpoints = await db.query<{ no: number; name: string }>(
    "SELECT endpoint_no AS no, endpoint AS name FROM farebox.endpoints WHERE endpoint_no = ANY ($1::integer[])",
    [numbers("endpointNo")],
  );
  const nameOf = (names: readonly { no: number; name: string }[], no: unknown): string | undefined =>
    names.find((row) => row.no === no)?.name;
  return findings.map((finding) => {
    const { keyNo, endpointNo, ...detail } = finding.detail;
    const key = keyNo === undefined ? {} : { key: nameOf(keys, keyNo) ?? `number ${keyNo}` };
    const endpoint =
      endpointNo === undefined ? {} : { endpoint: nameOf(endpoints, endpointNo) ?? `number ${endpointNo}` };
    return { ...finding, detail: { ...key, ...endpoint, ...detail } };
  });
}
