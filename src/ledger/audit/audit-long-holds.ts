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

/** Holds of one pool that one query lists. */
const HOLDS_PER_POOL = 200;

/** A report of a broken ledger must be readable: more of the same kind say nothing new. */
const MAX_STRANGERS = 100;

interface ListedHold extends PoolRow {
  readonly holdId: string;
  /** As it says itself: 10,001 at most. */
  readonly parts: bigint;
}

/** What a long hold says of itself, and what its rows say. */
interface LongHoldRow extends ListedHold {
  readonly requestId: string;
  readonly charged: bigint;
  readonly partsFound: bigint;
  readonly chargedFound: bigint;
  /** Parts that have an entry, and those whose entry is not theirs alone, to the micro-credit. */
  readonly entries: bigint;
  readonly strangers: bigint;
  /** It has ended, or what is held for it is more than was asked less what it was charged. */
  readonly holdsTooMuch: boolean;
}

/**
 * Compares long holds with their parts, their charges and what is set aside for them, in pieces of `chunkEntries` parts: each part has an
 * entry of its own, and the pool has no more entries of long holds than parts have.
 */
export async function findBrokenLongHolds(
  db: Queryable,
  chunk: Chunk,
  chunkEntries: number,
): Promise<AuditFinding[]> {
  const reports = new Map(chunk.map((pool) => [poolName(pool), new PoolReport(pool)]));
  const ofParts = new Map<string, bigint>();
  for await (const piece of readPieces(db, chunk, chunkEntries)) {
    for (const row of await readHolds(db, chunk, piece)) {
      const report = reports.get(poolName(row));
      if (report !== undefined) compareHold(report, row);
      ofParts.set(poolName(row), (ofParts.get(poolName(row)) ?? 0n) + row.entries);
    }
  }
  const pools = chunk.filter((pool) => ofParts.has(poolName(pool)));
  const counts = await countEntries(db, pools, chunkEntries);
  for (const pool of pools) {
    if (counts.get(poolName(pool)) === ofParts.get(poolName(pool))) continue;
    const report = reports.get(poolName(pool));
    for (const { requestId, seq } of await findStrangers(db, pool, chunkEntries)) {
      report?.add("I1", "a long hold has the charges of its parts and no other", {
        longHold: requestId,
        seq,
      });
    }
  }
  return [...reports.values()].flatMap(({ findings }) => findings);
}

function compareHold(report: PoolReport, row: LongHoldRow): void {
  const where = { longHold: row.requestId };
  report.equal("I1", "a long hold has the parts that it says", row.parts, row.partsFound, where);
  report.equal("I1", "a long hold was charged what its parts were", row.charged, row.chargedFound, where);
  report.equal("I1", "each part of a long hold has its own entry", 0n, row.strangers, where);
  if (row.holdsTooMuch) {
    report.add("I8", "a long hold holds what was asked less its charges, or nothing", where);
  }
}

/** The chunk's long holds, pool by pool in rounds, in pieces that have so many parts together, or are one. */
async function* readPieces(
  db: Queryable,
  chunk: Chunk,
  mostParts: number,
): AsyncGenerator<readonly ListedHold[]> {
  let left = new Map(chunk.map((pool) => [poolName(pool), { pool, after: "" }]));
  while (left.size > 0) {
    const asked = [...left.values()];
    const rows = await db.query<ListedHold>(LISTED, [
      ...poolColumns(asked.map(({ pool }) => pool)),
      asked.map(({ after }) => after),
    ]);
    yield* cut(rows, mostParts);
    const listed = Map.groupBy(rows, poolName);
    left = new Map(
      asked.flatMap(({ pool }) => {
        const of = listed.get(poolName(pool)) ?? [];
        const last = of.length < HOLDS_PER_POOL ? undefined : of.at(-1);
        return last === undefined ? [] : [[poolName(pool), { pool, after: last.holdId }] as const];
      }),
    );
  }
}

function* cut(rows: readonly ListedHold[], mostParts: number): Generator<readonly ListedHold[]> {
  let piece: ListedHold[] = [];
  let parts = 0;
  for (const row of rows) {
    const of = Number(row.parts) + 1;
    if (piece.length > 0 && parts + of > mostParts) {
      yield piece;
      [piece, parts] = [[], 0];
    }
    piece.push(row);
    parts += of;
  }
  if (piece.length > 0) yield piece;
}

async function readHolds(
  db: Queryable,
  chunk: Chunk,
  piece: readonly ListedHold[],
): Promise<readonly LongHoldRow[]> {
  return await db.query<LongHoldRow>(LONG_HOLDS, [
    chunk[0]?.shard ?? 0,
    piece.map(({ accountNo }) => accountNo),
    piece.map(({ typeNo }) => typeNo),
    piece.map(({ holdId }) => holdId),
  ]);
}

/** How many charges of each pool are of a long hold that it has. */
async function countEntries(
  db: Queryable,
  pools: readonly AuditedPool[],
  chunkEntries: number,
): Promise<Map<string, bigint>> {
  const counts = new Map<string, bigint>();
  for (const [from, to] of seqRanges(pools, chunkEntries)) {
    const rows = await db.query<PoolRow & { readonly count: bigint }>(ENTRIES, [
      ...poolColumns(pools),
      from,
      to,
    ]);
    for (const row of rows) counts.set(poolName(row), (counts.get(poolName(row)) ?? 0n) + row.count);
  }
  for (const pool of pools) if (!counts.has(poolName(pool))) counts.set(poolName(pool), 0n);
  return counts;
}

/** Charges of a long hold that are of none of its parts. Slow, and asked of a pool that is known to have some. */
async function findStrangers(
  db: Queryable,
  pool: AuditedPool,
  chunkEntries: number,
): Promise<{ readonly requestId: string; readonly seq: bigint }[]> {
  const found: { readonly requestId: string; readonly seq: bigint }[] = [];
  for (const [from, to] of seqRanges([pool], chunkEntries)) {
    found.push(...(await db.query<(typeof found)[number]>(STRANGERS, [...poolColumns([pool]), from, to])));
    if (found.length >= MAX_STRANGERS) break;
  }
  return found.slice(0, MAX_STRANGERS);
}

/** The sweep forgets a hold a month after its time, and the parts of one that has many before it. The snapshot's own time. */
const KNOWN = `(l.state = 'open' OR l.expires_at >= transaction_timestamp() - interval '30 days')`;

const LISTED = `SELECT ${BY_POOL}, l.hold_id AS "holdId", l.parts::bigint AS parts
  FROM unnest($2::integer[], $3::smallint[], $4::text[]) u(account_no, type_no, after)
  CROSS JOIN LATERAL (
    SELECT l.hold_id, l.parts FROM farebox.long_holds l
    WHERE ${ownedBy("l")} AND l.hold_id > u.after COLLATE "C" AND ${KNOWN} ORDER BY l.hold_id LIMIT ${HOLDS_PER_POOL}
  ) l
  ORDER BY u.account_no, u.type_no, l.hold_id`;

const LONG_HOLDS = `SELECT ${BY_POOL}, l.hold_id AS "holdId", l.request::text AS "requestId", l.parts::bigint AS parts, l.charged, p.*, (
    SELECT count(*) FROM farebox.holds h
    WHERE ${ownedBy("h")} AND h.hold_id = l.hold_id AND h.state = 'live'
      AND (l.state IN ('settled', 'released') OR h.amount > l.asked OR h.asked <> l.asked OR h.expires_at <> l.expires_at)
  ) > 0 AS "holdsTooMuch"
  FROM unnest($2::integer[], $3::smallint[], $4::text[]) u(account_no, type_no, hold_id)
  JOIN farebox.long_holds l ON ${ownedBy("l")} AND l.hold_id = u.hold_id COLLATE "C"
  CROSS JOIN LATERAL (
    SELECT count(*) AS "partsFound", coalesce(sum(t.charged), 0)::bigint AS "chargedFound", count(t.seq) AS entries,
      count(t.seq) - count(DISTINCT t.seq) + count(*) FILTER (WHERE t.seq IS NOT NULL AND NOT EXISTS (
        SELECT FROM farebox.entries e
        WHERE ${ownedBy("e")} AND e.seq = t.seq AND e.kind = 'c' AND e.request = l.request AND e.amount = -t.charged
          AND e.balance = t.balance_after AND coalesce(e.uncollected, 0) = t.uncollected AND e.units = t.units
      )) AS strangers
    FROM farebox.hold_parts t WHERE ${ownedBy("t")} AND t.hold_id = l.hold_id
  ) p`;

const OF_HOLD = `farebox.long_holds l ON ${ownedBy("l")} AND l.request = e.request AND ${KNOWN}`;

const ENTRIES = `SELECT ${BY_POOL}, count(*) AS count
  FROM ${POOLS} JOIN farebox.entries e ON ${ownedBy("e")} JOIN ${OF_HOLD}
  WHERE e.seq >= $4::bigint AND e.seq <= $5::bigint AND e.kind = 'c'
  GROUP BY u.account_no, u.type_no`;

const STRANGERS = `SELECT e.request::text AS "requestId", e.seq
  FROM ${POOLS} JOIN farebox.entries e ON ${ownedBy("e")} JOIN ${OF_HOLD}
  WHERE e.seq >= $4::bigint AND e.seq <= $5::bigint AND e.kind = 'c' AND NOT EXISTS (
    SELECT FROM farebox.hold_parts t WHERE ${ownedBy("t")} AND t.hold_id = l.hold_id AND t.seq = e.seq)
  ORDER BY e.seq LIMIT ${MAX_STRANGERS}`;
