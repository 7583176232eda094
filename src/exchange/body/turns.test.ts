import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readInTurn, takeReadingTurn } from "./turns.ts";

/** Longer than reading may take in one turn. */
const LONG_MS = 20;

function work(): void {
  const until = performance.now() + LONG_MS;
  while (performance.now() < until);
}

test("reading of bodies that pass by ends for this turn when it has taken its share, and the next has one of its own", async () => {
  assert.equal(readInTurn(work), false);
  assert.equal(
    readInTurn(() => {}),
    false,
    "another body has no share of its own",
  );
  await nextTurn();
  assert.equal(
    readInTurn(() => {}),
    true,
  );
});

test("of those that wait few go on in one turn, in order", async () => {
  const gone: number[] = [];
  for (let number = 0; number < 10; number += 1) takeReadingTurn(() => gone.push(number));
  const seen: number[] = [];
  while (gone.length < 10) {
    await nextTurn();
    seen.push(gone.length);
  }
  assert.ok(seen.length >= 3, seen.join());
  assert.deepEqual(
    gone,
    gone.toSorted((one, other) => one - other),
  );
});
