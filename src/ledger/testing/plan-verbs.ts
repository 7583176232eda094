import assert from "node:assert/strict";
import type { Account } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import type { PoolBalance, PoolRef } from "../ledger.ts";
import {
  assignPlan,
  cancelPlan,
  keepPlan,
  type PlanAssignment,
  type PlanMoment,
} from "../plans/account-plan.ts";
import { type NewPlan, publishPlans } from "../plans/plans.ts";
import { sweepPlans } from "../plans/sweep-plans.ts";
import { readBalances } from "../pools/balances.ts";
import { createPool, OF_POOL, roll, SHARDS } from "./books.ts";
import { sweep } from "./sweep.ts";

const DAY_MS = 86_400_000;

/** What a plan grants a day. */
export const daily = (amount: bigint, change: Partial<NewPlan["recurring"][number]> = {}) =>
  ({ creditType: "credits", amount, every: "day", rollover: "none", ...change }) as const;

/** The plans that tests of plans assign. */
export const PLANS: readonly NewPlan[] = [
  {
    name: "small",
    recurring: [daily(100n)],
    limits: [{ match: "*", requests: 10, windowSeconds: 60, by: "account" }],
    caps: [{ creditType: "credits", day: 50n, month: null, total: null }],
  },
  {
    name: "large",
    recurring: [daily(1000n)],
    caps: [{ creditType: "other", day: null, month: 7n, total: null }],
  },
  { name: "calendar", recurring: [daily(70n, { every: "year", anchor: "calendar" })] },
  { name: "both", recurring: [daily(5n), daily(9n, { creditType: "other", every: "week" })] },
  { name: "bare", recurring: [] },
];

/** What tests of plans do and read, on the database that the suite has opened. */
export function planVerbs(database: () => Database) {
  return {
    publish: (...given: readonly NewPlan[]) => database().transaction((tx) => publishPlans(tx, given)),
    assign: (pool: PoolRef, name: string, options?: PlanAssignment): Promise<Account> =>
      database().transaction((tx) => assignPlan(tx, pool.accountId, name, options)),
    cancel: (pool: PoolRef, when: PlanMoment): Promise<Account> =>
      database().transaction((tx) => cancelPlan(tx, pool.accountId, when)),
    keep: (pool: PoolRef): Promise<Account> => database().transaction((tx) => keepPlan(tx, pool.accountId)),
    read: async ({ accountId, shard, creditType }: PoolRef): Promise<PoolBalance> => {
      const pools = await readBalances(database(), accountId, shard);
      return pools.find((pool) => pool.creditType === creditType) ?? assert.fail("the pool exists");
    },
    /** An account whose only pool is this one, and empty. */
    openPool: async (creditType = "credits"): Promise<PoolRef> => {
      const pool = await createPool(database(), 0n, creditType);
      await roll(database(), pool);
      return pool;
    },
    countGrants: async ({ accountId, creditType }: PoolRef): Promise<number> => {
      const [row] = await database().query<{ count: number }>(
        `SELECT count(*)::int AS count FROM farebox.entries
         WHERE ${OF_POOL} AND kind = 'g'`,
        [accountId, creditType],
      );
      return row?.count ?? 0;
    },
    sweepAll: async (): Promise<void> => {
      await sweep(database(), { shards: SHARDS, deadAfterMs: DAY_MS });
      await sweepPlans(database());
    },
  };
}
