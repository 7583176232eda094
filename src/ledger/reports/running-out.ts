import type { Credits } from "../../domain/credits.ts";
import { computePace, PACE_DAYS, projectPool } from "../../domain/pools/project-pool.ts";
import { refuseCursor } from "../database/cursor.ts";
import type { Queryable } from "../database/database.ts";
import type { PoolBalance } from "../ledger.ts";
import { readBalances } from "../pools/balances.ts";
import { listUsedShards } from "./usage-tails.ts";

/** A pool that runs out soon if it is used as it was. */
export interface RunningOut {
  readonly accountId: string;
  readonly name: string;
  readonly plan: string | null;
  readonly creditType: string;
  readonly balance: Credits;
  /** What it used a day: see {@link computePace}. */
  readonly pace: Credits;
  /** The end of the day on which credits run out. */
  readonly runsOutAt: Date;
}

export interface RunningOutQuery {
  /** Within so many days from now. */
  readonly days: number;
  readonly creditType?: string | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** A page may have more, but no more than one account's pools. */
  readonly limit: number;
}

export interface RunningOutPage {
  /** By account, not by time: a page says nothing of those behind it. */
  readonly items: readonly RunningOut[];
  readonly next: string | null;
}

/** Pools that one statement looks at: some 30 ms. */
const CHUNK = 500;

/** A page that has looked for so long ends, however little it found. */
const MOST_MS = 2_000;

/**
 * Active accounts whose credits run out within some days at their present pace, by the projection that customers see: grants in
 * their order, with their expiry, and refreshes. The pace is that of the last days of UTC. Goes through all pools, in the order of their
 * numbers; a page that took two seconds, or is full, says where to go on. Throws FareboxError `cursor_invalid`.
 */
export async function listRunningOut(
  db: Queryable,
  query: RunningOutQuery,
  { chunk = CHUNK, mostMs = MOST_MS }: { readonly chunk?: number; readonly mostMs?: number } = {},
): Promise<RunningOutPage> {
  const { days, limit } = query;
  const shards = await listUsedShards(db);
  const until = performance.now() + mostMs;
  const items: RunningOut[] = [];
  let place = query.cursor === undefined ? FIRST : parsePlace(query.cursor);
  for (const shard of shards) {
    if (shard < place.shard) continue;
    if (shard > place.shard) place = { ...FIRST, shard };
    for (;;) {
      const rows = await readChunk(db, place, query, chunk);
      for (const row of rows) {
        place = { shard, accountNo: row.accountNo, typeNo: row.typeNo };
        const found = await project(db, shard, row, days);
        if (found !== undefined) items.push(found);
        if (items.length >= limit) return { items, next: renderPlace(place) };
      }
      if (rows.length < chunk) break;
      if (performance.now() >= until) return { items, next: renderPlace(place) };
    }
  }
  return { items, next: null };
}

/** The pool that was looked at last. */
interface Place {
  readonly shard: number;
  readonly accountNo: number;
  readonly typeNo: number;
}

const FIRST: Place = { shard: 0, accountNo: 0, typeNo: 0 };

function renderPlace({ shard, accountNo, typeNo }: Place): string {
  return Buffer.from(`${shard}.${accountNo}.${typeNo}`).toString("base64url");
}

function parsePlace(cursor: string): Place {
  const match = /^(\d{1,5})\.(\d{1,9})\.(\d{1,5})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (match === null) refuseCursor();
  const [shard = 0, accountNo = 0, typeNo = 0] = match.slice(1).map(Number);
  if (shard > 32_767 || typeNo > 32_767) refuseCursor();
  return { shard, accountNo, typeNo };
}

interface PoolRow {
  readonly accountNo: number;
  readonly typeNo: number;
  readonly accountId: string;
  readonly name: string;
  readonly plan: string | null;
  readonly isActive: boolean;
  readonly creditType: string;
  readonly balance: Credits;
  readonly now: Date;
  /** Something comes, or expires, within the days that are asked for. */
  readonly isEventful: boolean;
  /** Used on each of the last days, the present one last. */
  readonly used: readonly bigint[];
}

/** Nearly all are told apart by their row; of the others all that they have is read. */
async function project(
  db: Queryable,
  shard: number,
  row: PoolRow,
  days: number,
): Promise<RunningOut | undefined> {
  const { accountId, name, plan, creditType, now } = row;
  const pace = computePace(row.used);
  if (!row.isActive || pace <= 0n) return undefined;
  if (!row.isEventful && row.balance > pace * BigInt(days)) return undefined;
  const pool = (await readBalances(db, accountId, shard)).find((found) => found.creditType === creditType);
  if (pool === undefined) return undefined;
  const { runsOutAt } = projectPool(toProjected(pool), pace, now, days);
  return runsOutAt && { accountId, name, plan, creditType, balance: pool.balance, pace, runsOutAt };
}

function toProjected({ grants, recurring }: PoolBalance): Parameters<typeof projectPool>[0] {
  return {
    grants: grants.map(({ remaining, expiresAt }) => ({ remaining, expiresAt: expiresAt ?? undefined })),
    recurring: recurring === null ? undefined : { ...recurring, nextAt: recurring.nextAt ?? undefined },
  };
}

async function readChunk(
  db: Queryable,
  { shard, accountNo, typeNo }: Place,
  { days, creditType }: RunningOutQuery,
  chunk: number,
): Promise<PoolRow[]> {
  return await db.query<PoolRow>(CHUNK_OF_POOLS, [
    shard,
    accountNo,
    typeNo,
    chunk,
    days,
    creditType,
    PACE_DAYS,
  ]);
}

/** The usage of each pool is looked up by its key; entries of some minutes that are not rolled up do not change a pace. */
const CHUNK_OF_POOLS = `SELECT p.account_no AS "accountNo", p.type_no AS "typeNo", a.account_id AS "accountId", a.name, a.plan,
    a.state = 'active' AS "isActive", t.credit_type AS "creditType", p.balance, c.now,
    p.next_event_at <= c.now + make_interval(hours => 24 * $5::int) AS "isEventful",
    ARRAY(
      SELECT coalesce(sum(u.credits - u.refunded), 0)::bigint
      FROM generate_series(c.today - make_interval(hours => 24 * $7::int), c.today, interval '24 hours') d(day)
      LEFT JOIN LATERAL (
        SELECT o.credits, o.refunded FROM farebox.usage o
        WHERE o.account_no = p.account_no AND o.type_no = p.type_no AND o.shard = $1 AND o.span = 'd' AND o.start = d.day OFFSET 0
      ) u ON true
      GROUP BY d.day ORDER BY d.day
    ) AS used
  FROM (SELECT m.now, date_trunc('day', m.now, 'UTC') AS today FROM (SELECT clock_timestamp() AS now) m) c
  CROSS JOIN (
    SELECT o.account_no, o.type_no, o.balance, o.next_event_at FROM farebox.pools o
    WHERE o.shard = $1 AND (o.account_no, o.type_no) > ($2, $3)
      AND ($6::text IS NULL OR o.type_no = (SELECT n.type_no FROM farebox.credit_types n WHERE n.credit_type = $6))
    ORDER BY o.account_no, o.type_no LIMIT $4
  ) p
  JOIN farebox.accounts a ON a.account_no = p.account_no
  JOIN farebox.credit_types t ON t.type_no = p.type_no
  ORDER BY p.account_no, p.type_no`;
