import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RateWindow } from "./rate-window.ts";

function tryCount(window: RateWindow, now: number): boolean {
  if (!window.hasRoom(now)) return false;
  window.count(now);
  return true;
}

describe("RateWindow", () => {
  it("accepts 300 a minute and says when the next is accepted", () => {
    const window = new RateWindow(300, 60_000);
    for (let n = 0; n < 300; n += 1) {
      assert.ok(tryCount(window, 1_000 + n));
      assert.equal(window.remaining, 299 - n);
    }
    assert.equal(tryCount(window, 1_300), false);
    assert.equal(window.secondsUntilRoom(1_300), 60);
    assert.equal(window.secondsUntilEmpty(1_300), 60);
    assert.equal(tryCount(window, 60_999), false);
    assert.ok(tryCount(window, 61_300));
  });

  it("is exact for small limits: a place is free again when its request is a window old", () => {
    const window = new RateWindow(2, 1_000);
    assert.ok(tryCount(window, 0));
    assert.ok(tryCount(window, 400));
    assert.equal(tryCount(window, 999), false);
    assert.equal(window.secondsUntilRoom(999), 1);
    assert.ok(tryCount(window, 1_000));
    assert.equal(tryCount(window, 1_399), false);
    assert.ok(tryCount(window, 1_400));
  });

  it("counts results above the limit too, and has room again when enough of them are a window old", () => {
    const window = new RateWindow(10, 60_000);
    assert.ok(tryCount(window, 0));
    window.count(0, 24);
    assert.ok(!window.hasRoom(1_000));
    window.count(30_000, 9);
    assert.deepEqual([window.usedAt(30_000), window.remaining], [34, 0]);
    assert.equal(window.secondsUntilRoom(30_000), 30);
    window.count(40_000, 5);
    // 14 are left when the first 25 have gone: those of the next must go too.
    assert.equal(window.secondsUntilRoom(40_000), 50);
    assert.ok(!window.hasRoom(60_000));
    assert.ok(window.hasRoom(90_000));
  });

  it("is empty again after a window without requests", () => {
    const window = new RateWindow(5, 1_000);
    window.count(0);
    assert.ok(window.hasRoom(1_000));
    assert.equal(window.remaining, 5);
    assert.equal(window.secondsUntilEmpty(1_000), 0);
  });

  it("never accepts more than the limit in any span of a window, and always after a window and a step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 10, max: 5_000 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 400, size: "max" }),
        (limit, windowMs, gaps) => {
          const window = new RateWindow(limit, windowMs);
          const accepted: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now += gap;
            const wide = accepted.filter((time) => time > now - windowMs * (1 + 1 / 32)).length;
            if (tryCount(window, now)) {
              accepted.push(now);
              const within = accepted.filter((time) => time > now - windowMs).length;
              assert.ok(within <= limit, `${within} of ${limit}`);
            } else {
              assert.ok(wide >= limit, "refused although there was room a step ago");
              const wait = window.secondsUntilRoom(now) * 1_000;
              assert.ok(wait > 0 && wait <= windowMs + 1_000);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("keeps a bounded number of steps, whatever the limit and the traffic", () => {
    const window = new RateWindow(1_000_000, 60_000);
    for (let now = 0; now < 300_000; now += 7) tryCount(window, now);
    const before = process.memoryUsage().heapUsed;
    for (let now = 300_000; now < 900_000; now += 7) tryCount(window, now);
    assert.ok(process.memoryUsage().heapUsed - before < 20_000_000);
  });
});
