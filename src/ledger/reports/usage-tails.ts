import type { Queryable, Transaction } from "../database/database.ts";

/** All shards that accounts are in. */
export async function listUsedShards(db: Queryable): Promise<readonly number[]> {
  const rows = await db.query<{ shard: number }>(
    "SELECT DISTINCT shard FROM farebox.accounts ORDER BY shard",
  );
  return rows.map(({ shard }) => shard);
}

/** How many entries of all pools of these shards are not rolled up. Grants and the like count too. */
export async function countTails(tx: Transaction, shards: readonly number[]): Promise<number> {
  let count = 0;
  for (const shard of shards) {
    const [row] = await tx.query<{ count: bigint | null }>(
      `SELECT sum(b.last_seq - coalesce(b.seq, 0))::bigint AS count FROM (${BEHIND}) b`,
      [shard],
    );
    count += Number(row?.count ?? 0);
  }
  return count;
}

/** The time of the first entry that is not rolled up; undefined when all are. */
export async function findFirstBehind(tx: Transaction, shards: readonly number[]): Promise<Date | undefined> {
  let first: Date | undefined;
  for (const shard of shards) {
    const [row] = await tx.query<{ at: Date | null }>(
      `SELECT date_trunc('milliseconds', min(e.at)) AS at FROM (${BEHIND}) b CROSS JOIN LATERAL (
         SELECT t.at FROM farebox.entries t
         WHERE t.account_no = b.account_no AND t.type_no = b.type_no AND t.shard = $1 AND t.seq = coalesce(b.seq, 0) + 1
           AND t.at >= coalesce(b.at, '-infinity') LIMIT 1
       ) e`,
      [shard],
    );
    const at = row?.at ?? undefined;
    if (at !== undefined && (first === undefined || at < first)) first = at;
  }
  return first;
}

/** Pools of which some entries are not rolled up, each looked up by its key whatever the planner knows of the tables. */
const BEHIND = `SELECT a.account_no, a.type_no, p.last_seq, r.seq, r.at
  FROM (SELECT DISTINCT account_no, type_no FROM farebox.active_pools WHERE shard = $1) a
  CROSS JOIN LATERAL (
    SELECT o.last_seq FROM farebox.pools o
    WHERE o.account_no = a.account_no AND o.type_no = a.type_no AND o.shard = $1 LIMIT 1
  ) p
  LEFT JOIN LATERAL (
    SELECT u.seq, u.at FROM farebox.usage_rolled u
    WHERE u.account_no = a.account_no AND u.type_no = a.type_no AND u.shard = $1 LIMIT 1
  ) r ON true
  WHERE p.last_seq > coalesce(r.seq, 0)`;
