import { after, before, describe, it } from "node:test";
import { describeBroken } from "../../src/gateway/testing/edges/broken-edges.ts";
import { describeCharging } from "../../src/gateway/testing/edges/charging-edges.ts";
import { describeClients } from "../../src/gateway/testing/edges/client-edges.ts";
import { describeIdempotency } from "../../src/gateway/testing/edges/idempotency-edges.ts";
import { describeStreams } from "../../src/gateway/testing/edges/stream-edges.ts";
import { World } from "../../src/gateway/testing/world.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";
import { openRealMeterUnderTest } from "./real-meter-under-test.ts";

/** The whole decisions table, as the books of a real database tell it. */
eachDatabase("http edges", (openFresh) => {
  // A suite of its own, so that its gateway and ledger are closed before the database is.
  describe("gateway, meter and ledger", () => {
    let world: World;
    before(async () => {
      world = await new World(await openRealMeterUnderTest(await openFresh())).open();
    });
    after(() => world.close());
    const open = (): World => world;

    describeCharging(open);
    describeBroken(open);
    describeStreams(open);
    describeClients(open);
    describeIdempotency(open);

    it("holds nothing at rest", () => world.atRest());
  });
});
