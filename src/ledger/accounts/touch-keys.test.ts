import assert from "node:assert/strict";
import { test } from "node:test";
import { byKeys } from "./touch-keys.ts";

const keys = Array.from({ length: 12_001 }, (_, no) => no);

test("keys are changed 5,000 at a time, each once", async () => {
  const chunks: (readonly number[])[] = [];
  await byKeys(keys, async (some) => chunks.push(some));
  assert.deepEqual(
    chunks.map((some) => some.length),
    [5_000, 5_000, 2_001],
  );
  assert.deepEqual(chunks.flat(), keys);
});

test("what takes so long that instances would not hear of the first key is given up", async () => {
  let now = 0;
  const change = async (): Promise<void> => {
    now += 15_000;
  };
  await assert.rejects(
    byKeys(keys, change, () => now),
    { code: "storage_unavailable", retryable: true },
  );
});
