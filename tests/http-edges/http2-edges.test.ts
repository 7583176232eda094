import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { describeAnswers } from "../../src/gateway/testing/edges/answer-edges.ts";
import { describeBroken } from "../../src/gateway/testing/edges/broken-edges.ts";
import { describeCharging } from "../../src/gateway/testing/edges/charging-edges.ts";
import { describeClients } from "../../src/gateway/testing/edges/client-edges.ts";
import { describeIdempotency } from "../../src/gateway/testing/edges/idempotency-edges.ts";
import { describeStreams } from "../../src/gateway/testing/edges/stream-edges.ts";
import { certificateFile } from "../../src/gateway/testing/http2-client.ts";
import { nowAndThen } from "../../src/gateway/testing/now-and-then.ts";
import { World } from "../../src/gateway/testing/world.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";
import { openRealMeterUnderTest } from "./real-meter-under-test.ts";

const TLS = { cert: certificateFile("first.pem"), key: certificateFile("first.key"), maxStreams: 20 };

/** The rows of the decisions table that a stream can be sent, as the books of a real database tell them. */
eachDatabase("http edges over HTTP/2", (openFresh) => {
  // A suite of its own, so that its gateway and ledger are closed before the database is.
  describe("gateway, meter and ledger", () => {
    let world: World;
    let database: Database;
    before(async () => {
      database = await openFresh();
      world = await new World(await openRealMeterUnderTest(database), { listener: { tls: TLS } }).open();
    });
    after(() => world.close());
    afterEach(
      nowAndThen(async () => {
        assert.deepEqual((await auditLedger(database)).findings, []);
      }),
    );
    const open = (): World => world;

    describeCharging(open);
    describeBroken(open);
    describeStreams(open);
    describeClients(open);
    describeIdempotency(open);
    describeAnswers(open);

    it("holds nothing at rest", async () => {
      await world.atRest();
      assert.deepEqual((await auditLedger(database, { atRest: true })).findings, []);
    });
  });
});
