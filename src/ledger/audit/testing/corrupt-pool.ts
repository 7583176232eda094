import type { Database } from "../../database/database.ts";
import type { PoolRef } from "../../ledger.ts";
import { poolKeyOf } from "../../pools/pool-key.ts";
import { rollPoolUsage } from "../../reports/roll-usage.ts";
import { changeEntries, OF_POOL } from "../../testing/books.ts";
import { type AuditOptions, auditLedger } from "../audit.ts";

/** What tests of the audit do and read, on the database that the suite has opened. */
export function auditVerbs(database: () => Database) {
  return {
    /** What the audit finds wrong with a pool. */
    checksOf: async (pool: PoolRef, options: AuditOptions = {}): Promise<string[]> => {
      const { findings } = await auditLedger(database(), options);
      return findings.filter(({ accountId }) => accountId === pool.accountId).map(({ check }) => check);
    },
    rollUsage: async (pool: PoolRef, most = 1000): Promise<void> => {
      const key = await poolKeyOf(database(), pool);
      while ((await rollPoolUsage(database(), key, most)) === most);
    },
    /** Does what nothing can: changes rows of a pool, entries too. `sql` may have conditions of its own. */
    corrupt: (pool: PoolRef, sql: string): Promise<void> =>
      changeEntries(database(), (tx) =>
        tx.query(`${sql} ${sql.includes("WHERE") ? "AND" : "WHERE"} ${OF_POOL}`, [
          pool.accountId,
          pool.creditType,
        ]),
      ),
  };
}
