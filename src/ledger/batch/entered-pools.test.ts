import assert from "node:assert/strict";
import { test } from "node:test";
import type { PoolRef } from "../ledger.ts";
import { EnteredPools } from "./entered-pools.ts";

const pool = (accountId: string, creditType = "credits"): PoolRef => ({ accountId, creditType, shard: 0 });

test("a pool is an account's in one credit type", () => {
  const entered = new EnteredPools();
  entered.add(pool("a"));
  entered.add(pool("a"));
  entered.add(pool("b", "search"));
  assert.deepEqual(
    [pool("a"), pool("a", "search"), pool("b", "search"), pool("c")].map((one) => entered.has(one)),
    [true, false, true, false],
  );
  entered.delete(pool("a", "search"));
  assert.ok(entered.has(pool("a")));
  entered.delete(pool("a"));
  assert.ok(!entered.has(pool("a")));
  assert.ok(entered.has(pool("b", "search")));
});

test("too many are forgotten all at once, and the next is known", () => {
  const entered = new EnteredPools();
  for (let n = 0; n < 100_000; n += 1) entered.add(pool(`account ${n}`));
  entered.delete(pool("account 7"));
  entered.add(pool("account 7"));
  assert.ok(entered.has(pool("account 0")));
  entered.add(pool("one more"));
  assert.deepEqual([entered.has(pool("account 0")), entered.has(pool("one more"))], [false, true]);
});
