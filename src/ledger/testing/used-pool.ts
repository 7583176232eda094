import assert from "node:assert/strict";
import type { Database } from "../database/database.ts";
import type { PoolRef } from "../ledger.ts";
import { openLedger } from "../open-ledger.ts";
import { refundCharge } from "../refunds/refund.ts";
import type { UsageReportQuery, UsageRow } from "../reports/usage-query.ts";
import { readUsageReport, type UsageReport } from "../reports/usage-report.ts";
import { chargeOf, createPool, LEDGER, nameKeys, placeEntries } from "./books.ts";

const HOUR_MS = 3_600_000;

/** How many charges the account has whose usage is reported. */
export const CHARGES = 240;

const SUMS_OF_ENTRIES = `SELECT s.* FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[])
    WITH ORDINALITY w(credit_type, time, time_end, endpoint, key_id, line)
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS requests, coalesce(sum(c.units), 0)::integer AS units, coalesce(-sum(c.amount), 0)::bigint AS credits,
      coalesce(sum((SELECT sum(r.amount) FROM farebox.entries r
        WHERE r.account_no = c.account_no AND r.type_no = c.type_no AND r.refund_of = c.seq)), 0)::bigint AS refunded
    FROM (
      SELECT * FROM farebox.entries WHERE kind = 'c' AND at >= w.time AND at < w.time_end
        AND account_no = (SELECT account_no FROM farebox.accounts WHERE account_id = $1)
        AND type_no = (SELECT type_no FROM farebox.credit_types WHERE credit_type = w.credit_type)
    ) c
    LEFT JOIN farebox.keys k USING (key_no) LEFT JOIN farebox.endpoints n USING (endpoint_no)
    WHERE (w.endpoint IS NULL OR n.endpoint = w.endpoint) AND (w.key_id IS NULL OR k.key_id = w.key_id)
  ) s ORDER BY w.line`;

/** An account that has charged by three keys at two endpoints, with four refunds. */
export async function createUsedPool(db: Database): Promise<PoolRef> {
  const pool = await createPool(db, 1_000_000n);
  const ledger = await openLedger(db, LEDGER);
  await nameKeys(db, pool, ["key_0", "key_1", "key_2"]);
  for (let index = 0; index < CHARGES; index += 1) {
    const change = { keyId: `key_${index % 3}`, endpoint: `GET /${index % 2}`, units: index % 5 };
    await ledger.charge(chargeOf(pool, BigInt(1 + index * 7), change));
  }
  for (const seq of [5, 50, 51, 200]) {
    await refundCharge(db, { pool, seq, amount: 3n, reason: "broken", reference: "r" });
  }
  await ledger.close();
  return pool;
}

export const sumsOf = ({ requests, units, credits, refunded }: UsageRow): unknown => ({
  requests,
  units,
  credits,
  refunded,
});

/** What tests of reports do and read, of the pool and the database that the suite has opened. */
export function usageReports(database: () => Database, used: () => PoolRef) {
  return {
    read: (
      query: Partial<UsageReportQuery> & Pick<UsageReportQuery, "from" | "to">,
      types = ["credits"],
    ): Promise<UsageReport> => {
      const { accountId, shard } = used();
      const defaults = { account: { accountId, shard }, timeZone: "UTC", resolution: undefined, groupBy: [] };
      return readUsageReport(database(), { ...defaults, ...query }, types);
    },
    /** Spreads the entries evenly over a period; refunds are made after it. */
    spread: async (from: number, to: number): Promise<void> => {
      const step = (to - from) / CHARGES;
      const charges = Array.from({ length: CHARGES }, (_, index) => from + Math.floor(step * (index + 0.5)));
      const refunds = [1, 2, 3, 4].map((n) => to + n * HOUR_MS);
      await placeEntries(database(), used(), [
        new Date(from),
        ...charges.map((at) => new Date(at)),
        ...refunds.map((at) => new Date(at)),
      ]);
    },
    /** What the entries of each row's time and group sum to: of all rows at once, which are thousands. */
    sumEntries: async (rows: readonly UsageRow[], from: Date, to: Date): Promise<unknown[]> => {
      const sums = await database().query(SUMS_OF_ENTRIES, [
        used().accountId,
        rows.map(({ creditType }) => creditType),
        rows.map(({ time }) => time ?? from),
        rows.map(({ timeEnd }) => timeEnd ?? to),
        rows.map(({ endpoint }) => endpoint),
        rows.map(({ keyId }) => keyId),
      ]);
      assert.equal(sums.length, rows.length);
      return sums;
    },
  };
}
