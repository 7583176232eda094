import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { computePace, HORIZON_DAYS, projectPool } from "./project-pool.ts";

const NOW = new Date("2026-01-30T12:00:00Z");
const days = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000);
const forever = { expiresAt: undefined };

const runsOut = (pool: Parameters<typeof projectPool>[0], perDay: bigint): number | undefined => {
  const { runsOutAt } = projectPool(pool, perDay, NOW);
  return runsOutAt && (runsOutAt.getTime() - NOW.getTime()) / 86_400_000;
};

describe("the day on which credits run out", () => {
  test("is the one that the rest does not cover, or that takes the last of it", () => {
    assert.equal(runsOut({ grants: [{ remaining: 100n, ...forever }], recurring: undefined }, 30n), 4);
    assert.equal(runsOut({ grants: [{ remaining: 90n, ...forever }], recurring: undefined }, 30n), 3);
  });

  test("comes earlier when a grant expires before it is spent", () => {
    const grants = [
      { remaining: 100n, expiresAt: days(2) },
      { remaining: 20n, ...forever },
    ];
    assert.equal(runsOut({ grants, recurring: undefined }, 10n), 4);
  });

  test("comes later, or not at all, with refreshes", () => {
    const recurring = { amount: 70n, every: "week", nextAt: days(1), rollover: "none" } as const;
    const grants = [{ remaining: 10n, expiresAt: days(1) }];
    assert.equal(runsOut({ grants, recurring }, 9n), undefined);
    assert.equal(runsOut({ grants, recurring }, 11n), 14);
    assert.equal(runsOut({ grants: [{ remaining: 12n, ...forever }], recurring }, 12n), 7);
  });

  test("is unknown beyond the horizon, and where nothing is used", () => {
    const grants = [{ remaining: 1_000n, ...forever }];
    assert.equal(runsOut({ grants, recurring: undefined }, 1n), undefined);
    assert.equal(runsOut({ grants, recurring: undefined }, 0n), undefined);
    const { points } = projectPool({ grants, recurring: undefined }, 1n, NOW);
    assert.deepEqual(
      [points.length, points.at(-1)?.amount],
      [HORIZON_DAYS + 1, 1_000n - BigInt(HORIZON_DAYS)],
    );
  });
});

test("the pace is the average of the last seven days that are over", () => {
  assert.equal(computePace([1_000n, 7n, 7n, 7n, 7n, 7n, 7n, 7n, 500n]), 7n);
  assert.equal(computePace([0n, 0n, 500n]), 500n, "one that began today");
  assert.equal(computePace([]), 0n);
});
