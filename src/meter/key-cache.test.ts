import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settle } from "./testing/manual-clock.ts";
import { ALICE, clockOf, hashOf, newDatabase, newKey, openFakeMeter } from "./testing/open-fake-meter.ts";

const UNAVAILABLE = { code: "storage_unavailable", retryAfterSeconds: 1 };
const INVALID = { code: "key_invalid" };

describe("authenticate", () => {
  it("asks the database once for a key, then answers at once", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    const [one, other] = await Promise.all([meter.authenticate(key), meter.authenticate(key)]);
    assert.deepEqual([one, other], [ALICE, ALICE]);
    assert.equal(meter.authenticate(key), one);
    assert.equal(database.calls.get("findKey"), 1);
  });

  it("refuses a missing key, and garbage without a query", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    assert.deepEqual(meter.authenticate(undefined), { code: "key_missing" });
    const key = newKey(database);
    const wrong = `${key.slice(0, -1)}${key.endsWith("a") ? "b" : "a"}`;
    for (const garbage of ["", "abc", wrong, `${key}x`, "x".repeat(1_000_000), key.toUpperCase()]) {
      assert.deepEqual(meter.authenticate(garbage), INVALID);
    }
    assert.equal(database.calls.get("findKey"), undefined);
  });

  it("does not tell unknown, revoked, expired and suspended apart", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const unknown = newKey(database);
    database.keys.clear();
    assert.deepEqual(await meter.authenticate(unknown), INVALID);
    const records = [
      { state: "revoked" },
      { expiresInMs: 0 },
      { accountState: "suspended" },
      { accountState: "closed" },
    ] as const;
    for (const record of records)
      assert.deepEqual(await meter.authenticate(newKey(database, record)), INVALID);
  });

  it("asks for a refused key at most once a second, so that a new key soon works", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    const record = database.keys.get(hashOf(key));
    assert.ok(record);
    database.keys.clear();
    await meter.authenticate(key);
    assert.deepEqual(meter.authenticate(key), INVALID);
    database.keys.set(hashOf(key), record);
    await clock.advance(1_000);
    assert.deepEqual(await meter.authenticate(key), ALICE);
  });

  it("refuses a revoked key after the next heartbeat", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    await meter.authenticate(key);
    database.addKey(hashOf(key), { ...ALICE, state: "revoked" });
    assert.deepEqual(meter.authenticate(key), ALICE, "not known yet");
    await clockOf(database).advance(250);
    assert.deepEqual(await meter.authenticate(key), INVALID);
  });

  it("reads again what changed while it was read", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    database.state = "mute";
    const answer = meter.authenticate(key);
    await settle();
    database.addKey(hashOf(key), { ...ALICE, state: "revoked" });
    database.state = "up";
    await clockOf(database).advance(250);
    database.recover();
    assert.deepEqual(await answer, INVALID);
  });

  it("asks again when a key expires, so the database's clock decides", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database, { expiresAt: clock.now() + 10_000 });
    await meter.authenticate(key);
    await clock.advance(9_999);
    assert.deepEqual(await meter.authenticate(key), ALICE);
    await clock.advance(1);
    assert.deepEqual(await meter.authenticate(key), INVALID);
  });

  it("reads keys anew after a heartbeat that failed, because it may have been the one to tell of a change", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    // Until an idle instance's heartbeat has told of the key's creation: told later, it would be read anew for that.
    await clock.advance(2_000);
    await meter.authenticate(key);
    database.keys.clear();
    database.state = "down";
    await clock.advance(250);
    assert.deepEqual(meter.authenticate(key), ALICE);
    database.recover();
    await clock.advance(250);
    assert.deepEqual(await meter.authenticate(key), INVALID);
  });

  it("looks up a bounded number of keys at once", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    database.state = "deaf";
    const answers = Array.from({ length: 1_000 }, async () => meter.authenticate(newKey(database)));
    assert.deepEqual(meter.authenticate(newKey(database)), { code: "overloaded", retryAfterSeconds: 1 });
    database.recover();
    for (const answer of answers) assert.deepEqual(await answer, ALICE);
  });

  it("trusts nothing after 4 s without a heartbeat, and reads everything anew afterwards", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    await meter.authenticate(key);
    database.state = "down";
    await clock.advance(3_999);
    assert.deepEqual(meter.authenticate(key), ALICE);
    await clock.advance(1);
    const unconfirmed = { ...ALICE, unconfirmed: true };
    assert.deepEqual(await meter.authenticate(key), unconfirmed);
    assert.deepEqual(await meter.authenticate(newKey(database)), UNAVAILABLE);
    await assert.rejects(meter.balances({ ...ALICE, unconfirmed: true }), { code: "storage_unavailable" });
    database.state = "deaf";
    const answer = meter.authenticate(key);
    await clock.advance(500);
    assert.deepEqual(await answer, unconfirmed);
    database.keys.clear();
    database.recover();
    await clock.advance(250);
    assert.deepEqual(await meter.authenticate(key), INVALID);
  });
});

describe("the last use of keys", () => {
  it("is told after the next heartbeat, once a minute for each text, and no request waits for it", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database);
    const other = newKey(database);
    const uses = (): number => database.keyUses.length;
    // The news that the keys were created would have them read, and noted, anew. An idle meter asks every 2 s.
    await clock.advance(2_000);
    await meter.authenticate(key);
    for (let times = 0; times < 100; times += 1) await meter.authenticate(key);
    await meter.authenticate(other);
    assert.equal(uses(), 0);
    await clock.advance(250);
    assert.deepEqual(
      database.keyUses.map(({ hashHex, keyId }) => [hashHex, keyId]),
      [key, other].map((text) => [hashOf(text), ALICE.keyId]),
    );
    // Beat by beat: after a gap in the heartbeats every key would be read, and noted, anew.
    for (let beats = 0; beats < 4 * 58; beats += 1) await clock.advance(250);
    await meter.authenticate(key);
    await clock.advance(250);
    assert.equal(uses(), 2);
    for (let beats = 0; beats < 4 * 2; beats += 1) await clock.advance(250);
    await meter.authenticate(key);
    await clock.advance(250);
    assert.equal(uses(), 3);
  });

  it("is not told of a key that was refused", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    await meter.authenticate(newKey(database, { state: "revoked" }));
    await clockOf(database).advance(250);
    assert.equal(database.calls.get("recordKeyUse"), undefined);
  });

  it("is told when the meter closes", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    await meter.authenticate(newKey(database));
    await meter.close();
    assert.equal(database.keyUses.length, 1);
  });

  it("is lost while the database is down, and closing does not wait for it", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    await meter.authenticate(newKey(database));
    database.state = "down";
    await clock.advance(250);
    await meter.close();
    assert.equal(database.calls.get("recordKeyUse"), undefined);
  });
});

describe("scopes", () => {
  it("permit what they match; a key without them may call everything", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const open = await meter.authenticate(newKey(database));
    const narrow = await meter.authenticate(newKey(database, { scopes: ["GET /v1/leads"] }));
    assert.ok(!("code" in open) && !("code" in narrow));
    assert.equal(meter.permit(open, "DELETE", "/anything"), undefined);
    assert.equal(meter.permit(narrow, "HEAD", "/v1/leads"), undefined);
    assert.deepEqual(meter.permit(narrow, "POST", "/v1/leads"), { code: "key_not_permitted" });
  });

  it("that cannot be read permit nothing", async () => {
    const database = newDatabase();
    const { meter } = await openFakeMeter(database);
    const identity = await meter.authenticate(newKey(database, { scopes: ["of a later version"] }));
    assert.ok(!("code" in identity));
    assert.deepEqual(meter.permit(identity, "GET", "/"), { code: "key_not_permitted" });
  });

  it("hold too while the database is silent", async () => {
    const database = newDatabase();
    const clock = clockOf(database);
    const { meter } = await openFakeMeter(database);
    const key = newKey(database, { scopes: ["GET /v1/leads"] });
    await meter.authenticate(key);
    database.state = "down";
    await clock.advance(5_000);
    const identity = await meter.authenticate(key);
    assert.ok(!("code" in identity) && identity.unconfirmed);
    assert.deepEqual(meter.permit(identity, "GET", "/v1/other"), { code: "key_not_permitted" });
  });
});
