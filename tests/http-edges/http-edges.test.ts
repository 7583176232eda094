import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { describeTable } from "../../src/gateway/testing/edges/table.ts";
import { nowAndThen } from "../../src/gateway/testing/now-and-then.ts";
import { World } from "../../src/gateway/testing/world.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";
import { openRealMeterUnderTest } from "./real-meter-under-test.ts";

/** The whole decisions table, as the books of a real database tell it. */
eachDatabase("http edges", (openFresh) => {
  // A suite of its own, so that its gateway and ledger are closed before the database is.
  describe("gateway, meter and ledger", () => {
    let world: World;
    let database: Database;
    before(async () => {
      database = await openFresh();
      world = await new World(await openRealMeterUnderTest(database)).open();
    });
    after(() => world.close());
    afterEach(
      nowAndThen(async () => {
        assert.deepEqual((await auditLedger(database)).findings, []);
      }),
    );
    describeTable(() => world);

    it("holds nothing at rest, and every sum of the books is right", async () => {
      await world.atRest();
      const report = await auditLedger(database, { atRest: true });
      assert.deepEqual(report.findings, []);
      assert.ok(report.pools >= world.accounts.length);
    });
  });
});
