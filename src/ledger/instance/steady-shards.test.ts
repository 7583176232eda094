import assert from "node:assert/strict";
import { test } from "node:test";
import { SteadyShards } from "./steady-shards.ts";

test("a shard is steady when heartbeats have reached it for a while without a pause", () => {
  const shards = new SteadyShards();
  assert.equal(shards.has(7, 0, false), true, "it does nothing there");
  assert.equal(shards.has(7, 0, true), false, "its server was away when this instance started");
  for (let at = 0; at <= 10_000; at += 2_000) shards.heard(7, at);
  assert.equal(shards.has(7, 2_999, true), false, "the others had no time to be heard");
  assert.equal(shards.has(7, 11_000, true), true);
  assert.equal(shards.has(7, 14_001, true), false, "its own heartbeats do not arrive");
  shards.heard(7, 26_000);
  shards.heard(7, 28_000);
  assert.deepEqual(
    [26_000, 28_999, 29_000].map((now) => shards.has(7, now, true)),
    [false, false, true],
    "after the pause it waits for the others",
  );
});
