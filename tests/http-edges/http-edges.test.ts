import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { describeAnswers } from "../../src/gateway/testing/edges/answer-edges.ts";
import { describeBodies } from "../../src/gateway/testing/edges/body-edges.ts";
import { describeBroken } from "../../src/gateway/testing/edges/broken-edges.ts";
import { describeCharging } from "../../src/gateway/testing/edges/charging-edges.ts";
import { describeClients } from "../../src/gateway/testing/edges/client-edges.ts";
import { describeCodings } from "../../src/gateway/testing/edges/coding-edges.ts";
import { describeEarlyAnswers } from "../../src/gateway/testing/edges/early-edges.ts";
import { describeFields } from "../../src/gateway/testing/edges/field-edges.ts";
import { describeIdempotency } from "../../src/gateway/testing/edges/idempotency-edges.ts";
import { describeStreams } from "../../src/gateway/testing/edges/stream-edges.ts";
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
    afterEach(async () => {
      assert.deepEqual((await auditLedger(database)).findings, []);
    });
    const open = (): World => world;

    describeCharging(open);
    describeBodies(open);
    describeFields(open);
    describeBroken(open);
    describeStreams(open);
    describeClients(open);
    describeIdempotency(open);
    describeAnswers(open);
    describeCodings(open);
    describeEarlyAnswers(open);

    it("holds nothing at rest, and every sum of the books is right", async () => {
      await world.atRest();
      const report = await auditLedger(database, { atRest: true });
      assert.deepEqual(report.findings, []);
      assert.ok(report.pools >= world.accounts.length);
    });
  });
});
