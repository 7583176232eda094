import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import pg from "pg";
import type { Database } from "../database/database.ts";
import { Turns } from "../database/turns.ts";
import { type PoolNumbers, type PoolWork, workOff } from "./work-off.ts";

/** It is asked for the names of pools alone. */
const DATABASE: Database = {
  kind: "postgres",
  query: () => Promise.resolve([]),
  exec: () => Promise.resolve(),
  transaction: () => assert.fail("each pool's transaction is its own"),
  close: () => Promise.resolve(),
};

describe("pools that are worked off", () => {
  let now: number;
  let turns: Turns;
  /** Accounts with something due, in the order of the list. */
  let due: number[];
  let tried: number[];
  const broken = new Set<number>();

  beforeEach(() => {
    now = 0;
    turns = new Turns(() => now);
    due = [];
    tried = [];
    broken.clear();
  });

  const work: PoolWork = {
    list: (limit, skip) =>
      Promise.resolve(due.slice(skip, skip + limit).map((account): PoolNumbers => [account, 1])),
    act: ([account]) => {
      tried.push(account);
      if (broken.has(account)) {
        const error = new pg.DatabaseError("broken books", 0, "error");
        error.code = "23514";
        return Promise.reject(error);
      }
      due = due.filter((one) => one !== account);
      return Promise.resolve(true);
    },
  };

  const run = () => workOff(DATABASE, 0, work, turns);

  test("get their turn however many in front of them always fail", async () => {
    due = Array.from({ length: 3_001 }, (_, account) => account);
    for (let account = 0; account < 3_000; account += 1) broken.add(account);
    for (let turn = 0; turn < 3; turn += 1) assert.match((await run()).passed?.message ?? "", /broken books/);
    assert.deepEqual(await run(), { done: 1, isMore: false, passed: undefined, isPart: true });
    assert.ok(!due.includes(3_000));
    assert.equal(tried.length, 3_001, "and each that fails was tried once");
  });

  test("that failed rest, longer each time, and are said to fail all the while", async () => {
    due = [1, 2];
    broken.add(1);
    for (const [at, tries] of [
      [0, 1],
      [1_999, 1],
      [2_000, 2],
      [5_999, 2],
      [6_000, 3],
    ] as const) {
      now = at;
      assert.match((await run()).passed?.message ?? "", /broken books/);
      assert.equal(tried.filter((account) => account === 1).length, tries);
    }
    broken.clear();
    now = 20_000;
    assert.deepEqual(await run(), { done: 1, isMore: false, passed: undefined });
  });

  test("at the front are met again after the end", async () => {
    due = Array.from({ length: 1_200 }, (_, account) => account);
    for (const account of due) broken.add(account);
    await run();
    await run();
    broken.clear();
    now = 60_000;
    await run();
    assert.deepEqual(due.slice(0, 2), [1_000, 1_001]);
  });
});
