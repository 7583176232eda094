import assert from "node:assert/strict";
import { test } from "node:test";
import { renderSimulation } from "./render-simulation.ts";
import { SimulationParts } from "./simulation-parts.ts";

type Part = Parameters<SimulationParts["add"]>[0];

const TOTAL = { creditType: "credits", uncollected: 0, refundedInPart: 0, leftOut: 0, leftOutCredits: 0 };

function partOf(change: Partial<Part>): Part {
  return {
    from: "2026-01-01T00:00:00.000Z",
    to: "2026-02-01T00:00:00.000Z",
    totals: [],
    lines: [],
    doubts: [],
    unrecorded: [],
    assumptions: ["nothing else changed"],
    next: null,
    ...change,
  };
}

const small = {
  account: "acc_1",
  creditType: "credits",
  endpoint: "GET /a",
  charges: 1,
  before: 0.1,
  least: 0.2,
  most: 0.2,
};
const large = { ...small, account: "acc_2", charges: 3, before: 0.3, least: 3, most: 5.5 };

const parts = new SimulationParts();
parts.add(
  partOf({
    lines: [small],
    totals: [{ ...TOTAL, charges: 1, before: 0.1, least: 0.2, most: 0.2, leftOut: 1, leftOutCredits: 2 }],
    doubts: [{ reason: "free", endpoint: "GET /b", charges: 2 }],
    unrecorded: [{ endpoint: "GET /c", reason: "newly_priced" }],
  }),
);
parts.add(
  partOf({
    lines: [large, { ...small, before: 0.2, least: 0.4, most: 0.4 }],
    totals: [{ ...TOTAL, charges: 4, before: 0.5, least: 3.4, most: 5.9 }],
    doubts: [{ reason: "free", endpoint: "GET /b", charges: 3 }],
    unrecorded: [{ endpoint: "GET /c", reason: "newly_priced" }],
  }),
);

test("parts add up exactly, the largest change of all first", () => {
  const { lines, totals, doubts, unrecorded } = parts.whole();
  // 0.1 + 0.2 is 0.3 here.
  assert.deepEqual(lines, [large, { ...small, charges: 2, before: 0.3, least: 0.6, most: 0.6 }]);
  assert.deepEqual(totals, [
    { ...TOTAL, charges: 5, before: 0.6, least: 3.6, most: 6.1, leftOut: 1, leftOutCredits: 2 },
  ]);
  assert.deepEqual(doubts, [{ reason: "free", endpoint: "GET /b", charges: 5 }]);
  assert.equal(unrecorded.length, 1);
});

test("people see totals, the largest changes, doubts and what was assumed", () => {
  const text = renderSimulation(parts.whole(), 1);
  assert.match(text, /^credits +5 +0\.6 +3\.6 to 6\.1 +\+3 to \+5\.5 +2 in 1$/m);
  assert.match(text, /^acc_2 +credits +GET \/a +3 +0\.3 +3 to 5\.5 +\+2\.7 to \+5\.2$/m);
  assert.doesNotMatch(text, /acc_1/);
  assert.match(text, /^1 smaller changes: --limit 2$/m);
  assert.match(text, /^ {2}5 of GET \/b: free in the file$/m);
  assert.match(text, /^ {2}GET \/c: calls were free$/m);
  assert.match(text, /^Assumed:\n {2}nothing else changed$/m);
  const empty = new SimulationParts();
  empty.add(partOf({}));
  assert.match(renderSimulation(empty.whole(), 1), /^No charges from 2026/);
});
