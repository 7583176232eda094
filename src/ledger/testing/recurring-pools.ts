import assert from "node:assert/strict";
import type { Database } from "../database/database.ts";
import type { PoolBalance, PoolRef } from "../ledger.ts";
import { assignPlan } from "../plans/account-plan.ts";
import { type NewPlan, publishPlans } from "../plans/plans.ts";
import { readBalances } from "../pools/balances.ts";
import { listEntries } from "../pools/entries.ts";

/** What tests of pools that fill up by themselves do and read, on the database that the suite has opened. */
export function recurringPools(database: () => Database) {
  let plans = 0;
  return {
    subscribe: async (
      pool: PoolRef,
      item: Omit<NewPlan["recurring"][number], "creditType">,
    ): Promise<void> => {
      plans += 1;
      const name = `plan ${plans}`;
      await database().transaction(async (tx) => {
        await publishPlans(tx, [{ name, recurring: [{ creditType: pool.creditType, ...item }] }]);
        await assignPlan(tx, pool.accountId, name);
      });
    },
    readBalance: async (pool: PoolRef): Promise<PoolBalance> => {
      const [balance] = await readBalances(database(), pool.accountId, pool.shard);
      assert.ok(balance);
      return balance;
    },
    /** Kind, amount and balance of each entry, the oldest first. */
    history: async (pool: PoolRef): Promise<(string | bigint)[][]> => {
      const { entries } = await listEntries(database(), pool, { limit: 1000 });
      return entries.map(({ kind, amount, balance }) => [kind, amount, balance]).toReversed();
    },
  };
}
