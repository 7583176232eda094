import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Limiter } from "./limiter.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { ALICE } from "./testing/open-fake-meter.ts";

const SECOND_KEY = { ...ALICE, keyId: "key_0000000000000002" };
const BOB = { ...ALICE, accountId: "acc_0000000000000002", keyId: "key_0000000000000003" };

function remainingOf(state: ReturnType<Limiter["count"]>): number {
  assert.ok(state !== undefined && !(state instanceof Promise) && !("code" in state));
  return state.remaining;
}

describe("Limiter", () => {
  it("counts per rule, by account or key, and tells remaining and reset", async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(
      [
        { match: "GET /account/credits", requests: 2, windowSeconds: 60, by: "account" },
        { match: "POST /search", requests: 1, windowSeconds: 1, by: "key" },
      ],
      clock,
    );
    const state = { limit: 2, windowSeconds: 60, resetSeconds: 60 };
    assert.deepEqual(limiter.count(ALICE, "GET", "/account/credits"), { ...state, remaining: 1 });
    await clock.advance(10_000);
    assert.deepEqual(limiter.count(SECOND_KEY, "GET", "/account/credits"), { ...state, remaining: 0 });
    assert.deepEqual(limiter.count(ALICE, "HEAD", "/account/credits"), {
      code: "rate_limited",
      limit: 2,
      remaining: 0,
      windowSeconds: 60,
      resetSeconds: 50,
    });
    assert.deepEqual(limiter.count(BOB, "GET", "/account/credits"), { ...state, remaining: 1 });
    assert.ok(!("code" in (limiter.count(ALICE, "POST", "/search") ?? assert.fail())));
    assert.ok(!("code" in (limiter.count(SECOND_KEY, "POST", "/search") ?? assert.fail())));
    assert.ok("code" in (limiter.count(SECOND_KEY, "POST", "/search") ?? assert.fail()));
    assert.equal(limiter.count(ALICE, "GET", "/other"), undefined);
  });

  it("counts further results under rules of results alone, also above the limit, until they are a window old", async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(
      [
        { match: "POST /search", requests: 10, windowSeconds: 60, by: "key", counts: "results" },
        { match: "*", requests: 5, windowSeconds: 60, by: "account" },
      ],
      clock,
    );
    const ask = () => limiter.count(ALICE, "POST", "/search");
    assert.equal(remainingOf(ask()), 4);
    const add = (path: string, results: number): void => {
      const claim = limiter.claim(ALICE, "POST", path, undefined);
      if (claim !== undefined && "count" in claim) claim.count(results);
    };
    add("/search", 9);
    add("/other", 100);
    assert.equal(remainingOf(ask()), 0);
    const full = { code: "rate_limited", limit: 10, remaining: 0, windowSeconds: 60, resetSeconds: 60 };
    assert.deepEqual(ask(), full);
    assert.equal(remainingOf(limiter.count(SECOND_KEY, "POST", "/search")), 2);
    await clock.advance(30_000);
    add("/search", 26);
    await clock.advance(30_000);
    // The ten of the first moment have gone, the 25 of the answer that came later have not.
    assert.deepEqual(ask(), { ...full, resetSeconds: 30 });
    await clock.advance(30_000);
    assert.equal(remainingOf(ask()), 4);
    add("/search", 0);
  });

  it("counts a request under no rule when one refuses it, and shows the one with the least room", () => {
    const limiter = new Limiter(
      [
        { match: "*", requests: 10, windowSeconds: 60, by: "account" },
        { match: "GET /x", requests: 1, windowSeconds: 60, by: "account" },
      ],
      new ManualClock(),
    );
    const first = limiter.count(ALICE, "GET", "/x");
    assert.deepEqual(first, { limit: 1, remaining: 0, windowSeconds: 60, resetSeconds: 60 });
    for (let n = 0; n < 20; n += 1) assert.ok("code" in (limiter.count(ALICE, "GET", "/x") ?? {}));
    const other = limiter.count(ALICE, "GET", "/y");
    assert.equal(other !== undefined && "remaining" in other && other.remaining, 8);
  });

  it("forgets windows that are over", async () => {
    const clock = new ManualClock();
    const limiter = new Limiter([{ match: "*", requests: 10, windowSeconds: 60, by: "account" }], clock);
    await clock.advance(60_000);
    for (let n = 0; n < 1_000; n += 1) void limiter.count({ ...ALICE, accountId: `acc_${n}` }, "GET", "/");
    assert.equal(limiter.size, 1_000);
    for (let minute = 0; minute < 2; minute += 1) {
      await clock.advance(60_000);
      void limiter.count(ALICE, "GET", "/");
    }
    assert.equal(limiter.size, 1);
  });

  it("counts the rules of an account's plan besides the configured ones", () => {
    const limiter = new Limiter(
      [{ match: "*", requests: 10, windowSeconds: 60, by: "account" }],
      new ManualClock(),
    );
    const planLimits = [{ match: "GET /x", requests: 2, windowSeconds: 60, by: "account" as const }];
    const second = { ...SECOND_KEY, planLimits: structuredClone(planLimits) };
    assert.equal(remainingOf(limiter.count({ ...ALICE, planLimits }, "GET", "/x")), 1);
    assert.equal(remainingOf(limiter.count(second, "GET", "/x")), 0);
    assert.ok("code" in (limiter.count(second, "GET", "/x") ?? {}));
    // The refused one used up nothing, and other accounts have windows of their own.
    assert.equal(remainingOf(limiter.count(second, "GET", "/y")), 7);
    assert.equal(remainingOf(limiter.count({ ...BOB, planLimits }, "GET", "/x")), 1);
    assert.equal(remainingOf(limiter.count(BOB, "GET", "/x")), 8);
  });

  it("goes on counting under a rule that a changed plan, or another plan, has too", async () => {
    const clock = new ManualClock();
    const limiter = new Limiter([], clock);
    const slow = { match: "GET /x", requests: 2, windowSeconds: 60, by: "key" as const };
    const before = { ...ALICE, planLimits: [slow] };
    void limiter.count(before, "GET", "/x");
    const after = { ...ALICE, planLimits: [{ ...slow, match: "GET /y" }, { ...slow }, { ...slow }] };
    assert.equal(remainingOf(limiter.count(after, "GET", "/x")), 0);
    // Windows that are over are forgotten with their rules, and keys that carry them go on under the new ones.
    await clock.advance(60_000);
    const other = { ...ALICE, planLimits: [{ ...slow, requests: 3 }] };
    assert.equal(remainingOf(limiter.count(other, "GET", "/x")), 2);
    assert.equal(limiter.size, 1);
    assert.equal(remainingOf(limiter.count(after, "GET", "/x")), 1);
    assert.equal(remainingOf(limiter.count(before, "GET", "/x")), 0);
    assert.equal(limiter.count(ALICE, "GET", "/x"), undefined);
  });

  it("refuses a match that is none", () => {
    assert.throws(
      () => new Limiter([{ match: "GET", requests: 1, windowSeconds: 1, by: "key" }], new ManualClock()),
      /"GET" is not a match/,
    );
  });
});
