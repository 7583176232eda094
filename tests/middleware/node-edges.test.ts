import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { describeFront } from "../../src/middleware/testing/describe-front.ts";
import { nodeApp } from "../../src/middleware/testing/fronts.ts";
import { openRealMeterUnderTest } from "../http-edges/real-meter-under-test.ts";

describe("node:http, on a real database", () => {
  let test: TestDatabase;
  let database: Database;
  before(async () => {
    test = await createTestDatabase("pglite");
    database = await openDatabase(test.target);
  });
  after(async () => {
    await database.close();
    await test.drop();
  });
  describeFront("node:http", nodeApp, {
    meter: () => openRealMeterUnderTest(database),
    audit: async (atRest) => {
      assert.deepEqual((await auditLedger(database, atRest ? { atRest: true } : {})).findings, []);
    },
  });
});
