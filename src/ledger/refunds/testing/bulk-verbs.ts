import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { base62, base62Bytes } from "../../../domain/base62.ts";
import type { Credits } from "../../../domain/credits.ts";
import type { Database } from "../../database/database.ts";
import type { PoolRef } from "../../ledger.ts";
import type { LedgerHandle } from "../../open-ledger.ts";
import { chargeOf, OF_POOL } from "../../testing/books.ts";
import { advanceBulkRefund } from "../advance-bulk-refund.ts";
import { type BulkRefund, createBulkRefund } from "../bulk-refunds.ts";
import type { ChargeFilter } from "../charge-filter.ts";
import { previewRefunds } from "../preview-refunds.ts";

/** What tests of bulk refunds do and read, on the database and by the instance that the suite has opened. */
export function bulkVerbs(database: () => Database, ledger: () => LedgerHandle) {
  const now = async (): Promise<Date> => {
    const [row] = await database().query<{ now: Date }>(
      "SELECT date_trunc('milliseconds', clock_timestamp()) AS now",
    );
    return row?.now ?? assert.fail();
  };
  return {
    now,
    /** Everything that was charged by this moment, on an endpoint that no other test uses. */
    filterFor: async (endpoint: string, change: Partial<ChargeFilter> = {}): Promise<ChargeFilter> => ({
      from: new Date("2000-01-01"),
      to: await now(),
      endpoint,
      ...change,
    }),
    create: async (filter: ChargeFilter, reference?: string): Promise<BulkRefund> => {
      const preview = await previewRefunds(database(), filter);
      const bulkId = `bulk_${base62(randomBytes(base62Bytes(16)), 16)}`;
      return await database().transaction((tx) =>
        createBulkRefund(tx, { bulkId, reference, reason: "outage", filter, preview }),
      );
    },
    /** Works until nothing is left to do; returns how many steps it took. */
    finish: async (): Promise<number> => {
      let steps = 0;
      while (await advanceBulkRefund(database())) steps += 1;
      return steps;
    },
    /** Charges `count` times on the endpoint and waits until the database's clock shows another millisecond. */
    charge: async (pool: PoolRef, count: number, amount: Credits, endpoint: string, keyId = "key_1") => {
      const results = await Promise.all(
        Array.from({ length: count }, () => ledger().charge(chargeOf(pool, amount, { endpoint, keyId }))),
      );
      const charged = await now();
      while ((await now()).getTime() === charged.getTime());
      return results.map(({ seq }) => seq ?? assert.fail());
    },
    /** Refunds of a pool as (charge, amount, reason) in the order of the charges. */
    refundsOf: async (pool: PoolRef) => {
      const rows = await database().query<{ charge: bigint; amount: bigint; reason: string }>(
        `SELECT refund_of AS charge, amount, reason FROM farebox.entries
         WHERE ${OF_POOL} AND kind = 'r' ORDER BY refund_of, seq`,
        [pool.accountId, pool.creditType],
      );
      return rows.map((row) => [Number(row.charge), Number(row.amount), row.reason]);
    },
  };
}
