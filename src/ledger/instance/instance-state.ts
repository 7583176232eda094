import type { Queryable } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { poolKeyOf } from "../pools/pool-key.ts";

/**
 * Whether an instance may still charge in a shard. Once it may not it never will again: what it sent is committed by then, or never
 * will be. One that nobody knows any more died long ago.
 */
export async function isInstanceLive(db: Queryable, shard: number, instanceId: string): Promise<boolean> {
  const [row] = await db.query<{ isLive: boolean }>(
    `SELECT l.state = 'live' AS "isLive" FROM farebox.lanes l WHERE l.instance_id = $1 AND l.shard = $2`,
    [instanceId, shard],
  );
  return row?.isLive === true;
}

/** What a dead instance has leased of one pool goes back now, before the sweep comes by. Anyone may do so, at the same time too. */
export async function releasePoolOf(db: Queryable, pool: PoolRef, instanceId: string): Promise<void> {
  const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
  const [instance] = await db.query<{ no: number }>(
    "SELECT l.instance_no AS no FROM farebox.lanes l WHERE l.instance_id = $1 AND l.shard = $2",
    [instanceId, shard],
  );
  if (instance === undefined) return;
  await db.query("SELECT farebox.release_pool_leases($1::smallint, $2::int, $3::int, $4::smallint)", [
    shard,
    instance.no,
    accountNo,
    typeNo,
  ]);
}
