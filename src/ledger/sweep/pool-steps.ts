import { askShards } from "../database/ask-shards.ts";
import type { Database } from "../database/database.ts";
import { reasonOf } from "../database/storage-error.ts";
import { Turns } from "../database/turns.ts";
import { rollUsageBehind } from "../reports/roll-usage.ts";
import { eachApart } from "./each-apart.ts";
import type { DeathRule, SweepStep } from "./sweep-step.ts";
import { type PoolNumbers, type PoolWork, workOff } from "./work-off.ts";

/** Dead instances whose leases are not given back yet are found at once when they died within 10 minutes, and every so often. */
const DEAD_MS = 60_000;

/** Pools at rest cost those that look for work a little, and nothing else. */
const REST_MS = 30_000;

/** A pool is at rest when nothing has happened for so long. */
const IDLE = "1 minute";

/** The steps that take one pool after the other. */
export function createPoolSteps(
  database: Database,
  { deadAfterMs, isSteady = () => true }: DeathRule,
  onDead: (instances: number) => void,
): readonly SweepStep[] {
  const turns = { dead: new Turns(), due: new Turns(), usage: new Turns(), resting: new Turns() };
  return [
    {
      name: "dead instances",
      when: "dead",
      everyMs: DEAD_MS,
      run: async (shards, isFull) => {
        const concerned = isFull ? shards.all : shards.with("dead");
        const dead = await findDead(
          database,
          concerned.filter((shard) => isSteady(shard)),
          deadAfterMs,
        );
        if (dead > 0) onDead(dead);
        return await eachApart(concerned, (shard) =>
          workOff(database, shard, strandedOf(database, shard), turns.dead),
        );
      },
    },
    {
      name: "due pools",
      when: "due",
      everyMs: null,
      run: (shards) =>
        eachApart(shards.with("due"), (shard) => workOff(database, shard, dueOf(database, shard), turns.due)),
    },
    {
      name: "usage",
      when: "active",
      everyMs: null,
      run: (shards) =>
        eachApart(shards.with("active"), async (shard) => {
          let passed: Error | undefined;
          const onPassed = (error: unknown): void => {
            passed = new Error(`Pools of shard ${shard} were passed: ${reasonOf(error)}`, { cause: error });
          };
          const isPart = turns.usage.placeIn(String(shard)) > 0;
          const done = await rollUsageBehind(database, shard, { turns: turns.usage, onPassed });
          return { done, passed, isPart };
        }),
    },
    {
      name: "pools at rest",
      everyMs: REST_MS,
      run: (shards) =>
        eachApart(shards.with("active"), (shard) =>
          workOff(database, shard, restingOf(database, shard), turns.resting),
        ),
    },
  ];
}

/** Instances that the database has not heard of for so long are dead from now on. Returns how many there were. */
async function findDead(database: Database, shards: readonly number[], deadAfterMs: number): Promise<number> {
  const found = await askShards<readonly number[]>(
    database,
    "find-dead-lanes",
    (shard) => `farebox.find_dead_lanes(${shard}, $1::interval)`,
    shards,
    [`${deadAfterMs} milliseconds`],
  );
  return new Set(found.flat()).size;
}

function strandedOf(database: Database, shard: number): PoolWork {
  return {
    inTurns: true,
    list: (limit, skip) =>
      list(database, "farebox.list_stranded($1::smallint, $2, $3)", [shard, limit, skip]),
    act: (pool) =>
      act(database, "farebox.release_stranded($1::smallint, $2::int, $3::int, $4::smallint)", [
        shard,
        ...pool,
      ]),
  };
}

function dueOf(database: Database, shard: number): PoolWork {
  return {
    inTurns: true,
    list: (limit, skip) =>
      list(database, "farebox.list_due_pools($1::smallint, $2, $3)", [shard, limit, skip]),
    act: (pool) =>
      act(database, "farebox.roll_due_pool($1::smallint, $2::int, $3::smallint)", [shard, ...pool]),
  };
}

function restingOf(database: Database, shard: number): PoolWork {
  return {
    list: (limit, skip) =>
      list(database, `farebox.list_resting($1::smallint, '${IDLE}'::interval, $2, $3)`, [shard, limit, skip]),
    act: (pool) =>
      act(database, "farebox.rest_pool($1::smallint, $2::int, $3::int, $4::smallint)", [shard, ...pool]),
  };
}

async function list(database: Database, call: string, params: number[]): Promise<readonly PoolNumbers[]> {
  const [row] = await database.query<{ pools: readonly PoolNumbers[] }>(`SELECT ${call} AS pools`, params);
  return row?.pools ?? [];
}

async function act(database: Database, call: string, params: number[]): Promise<boolean> {
  const [row] = await database.query<{ done: boolean }>(`SELECT ${call} AS done`, params);
  return row?.done === true;
}
