import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import type { Price } from "./price.ts";
import { computePriceDifference } from "./price-difference.ts";

function prices(...written: unknown[]): readonly Price[] {
  const parsed = parsePrices(written, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok);
  return parsed.value;
}

test("equal lists do not differ, in whatever order they are written", () => {
  const one = { match: "GET /a", cost: 1 };
  const two = { match: "GET /b", cost: 2 };
  const difference = computePriceDifference(
    { prices: prices(one, two), unpriced: "free" },
    { prices: prices(two, { ...one, on: "success" }), unpriced: "free" },
  );
  assert.deepEqual(difference, { added: [], removed: [], changed: [], unpriced: undefined });
});

test("what was added, removed and changed is named", () => {
  const difference = computePriceDifference(
    { prices: prices({ match: "GET /a", cost: 1 }, { match: "GET /b", cost: 2 }), unpriced: "free" },
    { prices: prices({ match: "GET /a", cost: 1.5 }, { match: "GET /c", free: true }), unpriced: "refuse" },
  );
  assert.deepEqual(difference.added, ["GET /c"]);
  assert.deepEqual(difference.removed, ["GET /b"]);
  assert.equal(difference.unpriced, "free → refuse");
  assert.match(difference.changed[0] ?? "", /^GET \/a: \{"cost":1,.*\} → \{"cost":1\.5,/);
});
