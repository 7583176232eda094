import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Registry } from "prom-client";
import type { Database } from "../ledger/database/database.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { type BulkRefund, createBulkRefund, readBulkRefund } from "../ledger/refunds/bulk-refunds.ts";
import { previewRefunds } from "../ledger/refunds/preview-refunds.ts";
import { readStepRecords } from "../ledger/sweep/step-records.ts";
import { assertSound, chargeOf, createPool, LEDGER } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createSweepTelemetry } from "../telemetry/sweep-telemetry.ts";
import { startBulkRefunder } from "./bulk-refunder.ts";

const CHARGES = 600;

eachDatabase("the bulk refunder", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
  });

  const until = async (what: (bulk: BulkRefund) => boolean): Promise<BulkRefund> => {
    for (;;) {
      const bulk = await readBulkRefund(database, "bulk_1");
      if (what(bulk)) return bulk;
      await pause(5);
    }
  };

  /** The first whole millisecond behind every charge: a Date has nothing finer. */
  const readMomentAfter = async (): Promise<Date> => {
    for (;;) {
      const [row] = await database.query<{ now: Date; isAfter: boolean }>(
        `SELECT c.now, c.now > (SELECT max(at) FROM farebox.entries) AS "isAfter"
         FROM (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) c`,
      );
      if (row?.isAfter === true) return row.now;
    }
  };

  test("goes on after a failed step, stops between two steps, and another one does the rest", async () => {
    const ledger = await openLedger(database, LEDGER);
    const pool = await createPool(database, 1_000_000n);
    await Promise.all(Array.from({ length: CHARGES }, () => ledger.charge(chargeOf(pool, 3n))));
    await ledger.close();
    const filter = { from: new Date(0), to: await readMomentAfter() };
    const preview = await previewRefunds(database, filter);
    await database.transaction((tx) =>
      createBulkRefund(tx, { bulkId: "bulk_1", reference: undefined, reason: "outage", filter, preview }),
    );

    const lines: string[] = [];
    const logger = createLogger({ level: "info", format: "json", write: (line) => lines.push(line) });
    let failures = 1;
    const failing: Database = {
      kind: database.kind,
      query: (...args) => database.query(...args),
      exec: (sql) => database.exec(sql),
      close: () => Promise.resolve(),
      transaction: (run) => {
        failures -= 1;
        if (failures < 0) return database.transaction(run);
        return Promise.reject(new Error("a fault of the step"));
      },
    };
    const registry = new Registry();
    const events = createSweepTelemetry(registry, logger);
    const first = startBulkRefunder(failing, logger, events);
    await until(({ refunded }) => refunded.charges > 0);
    await first.stop();
    const stopped = await readBulkRefund(database, "bulk_1");
    assert.equal(stopped.state, "running");
    assert.match(lines.join(""), /"step":"bulk refunds"[^]*a step of the sweep failed/);
    assert.match(await registry.metrics(), /farebox_sweep_failures_total\{step="bulk refunds"\} 1/);
    const written = (await readStepRecords(database)).find(({ step }) => step === "bulk refunds");
    assert.equal(written?.failure, "a fault of the step");
    assert.ok((written?.succeededAt?.getTime() ?? 0) >= (written?.failedAt?.getTime() ?? Infinity));
    const second = startBulkRefunder(database, logger, events);
    // Nobody but the second one moves it.
    const done = await until(({ state }) => state === "done");
    await second.stop();
    assert.deepEqual([done.refunded.charges, done.skipped, done.failed], [CHARGES, 0, 0]);
    assert.equal(lines.length, 2, "that it failed, and that it works again");
    await assertSound(database, { atRest: true });
  });
});
