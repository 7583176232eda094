import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SignsOfLife } from "./signs-of-life.ts";
import { ManualClock, settle } from "./testing/manual-clock.ts";

describe("signs of life", () => {
  it("what is answered, or fails, while the database is there ends as it does", async () => {
    const life = new SignsOfLife(new ManualClock());
    assert.equal(await life.within(Promise.resolve(1)), 1);
    await assert.rejects(life.within(Promise.reject(new Error("no"))), /no/);
  });

  it("nobody waits a second for a database that gives none; what comes too late is undone", async () => {
    const clock = new ManualClock();
    const life = new SignsOfLife(clock);
    const late: number[] = [];
    const { promise, resolve } = Promise.withResolvers<number>();
    const ended = life.within(promise, (value) => late.push(value));
    await clock.advance(749);
    resolve(1);
    assert.equal(await ended, 1);
    const other = Promise.withResolvers<number>();
    const silent = life.within(other.promise, (value) => late.push(value));
    await clock.advance(999);
    assert.equal(await silent, "silent");
    assert.deepEqual(late, []);
    other.resolve(2);
    await settle();
    assert.deepEqual(late, [2]);
    const failing = Promise.withResolvers<number>();
    const given = life.within(failing.promise);
    await clock.advance(999);
    failing.reject(new Error("told to nobody"));
    assert.equal(await given, "silent");
  });

  it("a database that is slow and answers others is waited for", async () => {
    const clock = new ManualClock();
    const life = new SignsOfLife(clock);
    const { promise, resolve } = Promise.withResolvers<string>();
    const ended = life.within(promise);
    for (let passed = 0; passed < 5_000; passed += 250) {
      await clock.advance(250);
      life.heard();
    }
    resolve("at last");
    assert.equal(await ended, "at last");
  });

  it("a server that answers nothing, of several, is not waited for because others answer", async () => {
    const clock = new ManualClock();
    const life = new SignsOfLife(clock);
    const asked = [0, 1].map((shard) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      return { ended: life.within(promise, undefined, shard), resolve };
    });
    for (let passed = 0; passed < 2_000; passed += 250) {
      await clock.advance(250);
      life.heard([1]);
    }
    for (const { resolve } of asked) resolve("answered");
    assert.deepEqual(await Promise.all(asked.map(({ ended }) => ended)), ["answered", "silent"]);
  });
});
