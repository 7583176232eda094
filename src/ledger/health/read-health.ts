import type { Database, Queryable } from "../database/database.ts";
import { countTails, findFirstBehind, listUsedShards } from "../reports/usage-tails.ts";
import { readStepRecords, type StepRecord } from "../sweep/step-records.ts";
import { type LastAudit, readLastAudit } from "./last-audit.ts";

/** An instance as the database has heard of it. */
interface InstanceHealth {
  readonly instanceId: string;
  readonly startedAt: Date;
  /** Dead: in some shard it was silent for too long, or it has ended. */
  readonly state: "live" | "dead";
  /** Its last heartbeat or batch, in any shard. */
  readonly seenAt: Date;
  readonly shards: number;
}

interface PartitionHealth {
  readonly name: string;
  /** `FOR VALUES FROM (…) TO (…)`, or `DEFAULT`. */
  readonly bounds: string;
  /** As the planner last estimated; null: it was never analysed. */
  readonly entries: number | null;
}

/** What of the work behind the requests is done, and what waits. */
export interface Health {
  readonly now: Date;
  /** Those that live, and those that ended within the last hour; the last seen first. */
  readonly instances: readonly InstanceHealth[];
  readonly sweep: readonly StepRecord[];
  /** Entries that are not rolled up, and the time of the first. */
  readonly rollUp: { readonly entries: number; readonly firstAt: Date | undefined };
  /** Pools on which something is due that nobody has touched since. */
  readonly duePools: number;
  readonly partitions: readonly PartitionHealth[];
  /** False: entries lie in the default partition, because their month's was not made. */
  readonly isDefaultEmpty: boolean;
  readonly exports: { readonly queued: number; readonly running: number; readonly overdue: number };
  readonly bulkRefundsRunning: number;
  readonly lastAudit: LastAudit | undefined;
}

/** More are not told, and counts end there. */
const MOST_INSTANCES = 200;
const MOST_COUNTED = 10_000;

/** Reads what an operator looks at when something seems to stand still. In one snapshot; its cost does not follow the entries. */
export function readHealth(database: Database): Promise<Health> {
  return database.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const shards = await listUsedShards(tx);
    const [clock] = await tx.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    const entries = await countTails(tx, shards);
    const exports = { queued: 0, running: 0, overdue: 0 };
    let duePools = 0;
    for (const shard of shards) {
      const waiting = await countWaiting(tx, shard);
      exports.queued += waiting.queued;
      exports.running += waiting.running;
      exports.overdue += waiting.overdue;
      duePools += waiting.duePools;
    }
    return {
      now: clock?.now ?? new Date(Number.NaN),
      instances: await listInstances(tx, shards),
      sweep: await readStepRecords(tx),
      rollUp: { entries, firstAt: entries === 0 ? undefined : await findFirstBehind(tx, shards) },
      duePools,
      partitions: await listPartitions(tx),
      isDefaultEmpty: await readIsDefaultEmpty(tx, shards),
      exports,
      bulkRefundsRunning: await countBulkRefunds(tx),
      lastAudit: await readLastAudit(tx),
    };
  });
}

/** Of one shard, so that a cluster asks the server that has it. */
async function countWaiting(
  db: Queryable,
  shard: number,
): Promise<{ queued: number; running: number; overdue: number; duePools: number }> {
  const [row] = await db.query<Record<"queued" | "running" | "overdue" | "duePools", bigint>>(
    `SELECT count(*) FILTER (WHERE x.state = 'queued') AS queued, count(*) FILTER (WHERE x.state = 'running') AS running,
       count(*) FILTER (WHERE x.due_at < statement_timestamp() - interval '5 minutes') AS overdue,
       (SELECT count(*) FROM (
          SELECT FROM farebox.pools p WHERE p.shard = $1 AND p.next_event_at <= statement_timestamp()
            AND p.next_event_at < 'infinity' LIMIT ${MOST_COUNTED}
        ) d) AS "duePools"
     FROM (
       SELECT o.state, o.due_at FROM farebox.exports o WHERE o.shard = $1 AND o.state IN ('queued', 'running')
       LIMIT ${MOST_COUNTED}
     ) x`,
    [shard],
  );
  return {
    queued: Number(row?.queued ?? 0),
    running: Number(row?.running ?? 0),
    overdue: Number(row?.overdue ?? 0),
    duePools: Number(row?.duePools ?? 0),
  };
}

interface LaneRow {
  readonly instanceId: string;
  readonly startedAt: Date;
  readonly isDead: boolean;
  readonly seenAt: Date;
}

async function listInstances(db: Queryable, shards: readonly number[]): Promise<InstanceHealth[]> {
  const instances = new Map<string, InstanceHealth>();
  for (const shard of shards) {
    const rows = await db.query<LaneRow>(
      `SELECT max(l.instance_id) AS "instanceId", min(l.started_at) AS "startedAt", bool_or(l.state = 'dead') AS "isDead",
         max(l.seen_at) AS "seenAt"
       FROM farebox.lanes l
       WHERE l.shard = $1 AND (l.state = 'live' OR l.dead_at > statement_timestamp() - interval '1 hour')
       GROUP BY l.instance_no ORDER BY max(l.seen_at) DESC LIMIT ${MOST_INSTANCES}`,
      [shard],
    );
    for (const { instanceId, startedAt, isDead, seenAt } of rows) {
      const known = instances.get(instanceId);
      instances.set(instanceId, {
        instanceId,
        startedAt: known !== undefined && known.startedAt < startedAt ? known.startedAt : startedAt,
        state: isDead || known?.state === "dead" ? "dead" : "live",
        seenAt: known !== undefined && known.seenAt > seenAt ? known.seenAt : seenAt,
        shards: (known?.shards ?? 0) + 1,
      });
    }
  }
  const latest = [...instances.values()].toSorted(
    (one, other) => other.seenAt.getTime() - one.seenAt.getTime(),
  );
  return latest.slice(0, MOST_INSTANCES);
}

/** From the catalogue: nothing of theirs is read. */
async function listPartitions(db: Queryable): Promise<PartitionHealth[]> {
  const rows = await db.query<Omit<PartitionHealth, "entries"> & { tuples: number }>(
    `SELECT c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds, c.reltuples::float8 AS tuples
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = to_regclass('farebox.entries') ORDER BY c.relname`,
  );
  return rows.map(({ name, bounds, tuples }) => ({ name, bounds, entries: tuples < 0 ? null : tuples }));
}

async function readIsDefaultEmpty(db: Queryable, shards: readonly number[]): Promise<boolean> {
  for (const shard of shards) {
    const found = await db.query("SELECT FROM farebox.entries_default e WHERE e.shard = $1 LIMIT 1", [shard]);
    if (found.length > 0) return false;
  }
  return true;
}

async function countBulkRefunds(db: Queryable): Promise<number> {
  const [row] = await db.query<{ count: bigint }>(
    "SELECT count(*) AS count FROM farebox.bulk_refunds WHERE state = 'running'",
  );
  return Number(row?.count ?? 0);
}
