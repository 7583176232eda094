import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clockOf, newDatabase, newKey, openFakeMeter } from "./testing/open-fake-meter.ts";

describe("heartbeats", () => {
  it("come every 250 ms while something is served or leased, and every 2 s while nothing is", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { meter, admit } = await openFakeMeter(database);
    const beats = (): number => database.calls.get("heartbeat") ?? 0;
    const during = async (ms: number): Promise<number> => {
      const before = beats();
      for (let passed = 0; passed < ms; passed += 250) await clock.advance(250);
      return beats() - before;
    };
    assert.equal(await during(8_000), 4);
    database.beaten.length = 0;
    const admission = await admit("GET /75");
    assert.equal(await during(2_000), 8, "a request is served");
    assert.deepEqual(
      new Set(database.beaten),
      new Set(["all", "0"]),
      "shards without leases hear less of it",
    );
    assert.equal(database.beaten.filter((shards) => shards === "all").length, 1);
    await admission.cancel();
    assert.equal(await during(750), 3, "its lease is still held");
    await during(2_000);
    assert.equal(await during(8_000), 4);
    await meter.authenticate(newKey(database));
    assert.equal(await during(250), 1, "a key was presented");
    database.state = "down";
    await during(2_000);
    assert.ok((await during(1_000)) >= 4, "one that failed is tried again soon");
    database.state = "up";
    await during(4_000);
    await meter.close();
  });

  it("that some shards do not hear are no sign that the database is away: only what is leased there is not trusted", async () => {
    const database = newDatabase(1_000);
    const clock = clockOf(database);
    const { meter, events, admit } = await openFakeMeter(database);
    /** A request every 250 ms: how often the database was asked for credits. */
    const asked = async (ms: number): Promise<number> => {
      const before = database.calls.get("lease") ?? 0;
      for (let passed = 0; passed < ms; passed += 250) {
        await (await admit("GET /75")).cancel();
        await clock.advance(250);
      }
      return (database.calls.get("lease") ?? 0) - before;
    };
    assert.equal(await asked(6_000), 1, "then from the lease");
    database.silentShards = [0];
    await asked(5_000);
    assert.equal(await asked(1_000), 4, "the database decides each");
    database.silentShards = [];
    await asked(500);
    assert.equal(await asked(1_000), 0);
    assert.deepEqual(
      events.filter((event) => /away|heartbeatFailed/i.test(event)),
      ["shardsAway 1"],
    );
    await asked(1_000);
    assert.equal(events.filter((event) => /^shardsBack \d+$/.test(event)).length, 1);
    await meter.close();
  });
});
