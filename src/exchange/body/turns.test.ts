import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readInTurn, takeReadingTurn } from "./turns.ts";

/** Longer than reading may take in one turn. */
const LONG_MS = 20;

/** More than passes by before it is measured. */
const MUCH = 100_000;

function work(): void {
  const until = performance.now() + LONG_MS;
  while (performance.now() < until);
}

test("reading of bodies that pass by ends for this turn when it has taken its share, and the next has one of its own", async () => {
  assert.equal(readInTurn(MUCH, work), false);
  assert.equal(
    readInTurn(1, () => {}),
    false,
    "another body has no share of its own",
  );
  await nextTurn();
  assert.equal(
    readInTurn(1, () => {}),
    true,
  );
});

test("little that passes by is not measured, and many small pieces are once they are much", async () => {
  await nextTurn();
  assert.equal(readInTurn(1_000, work), true);
  const steps = Array.from({ length: 100 }, (_, step) => readInTurn(1_000, step === 99 ? work : () => {}));
  assert.deepEqual([steps[0], steps.at(-1)], [true, false]);
  await nextTurn();
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
