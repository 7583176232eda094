import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  attributeHeld,
  attributeRefund,
  compareGrants,
  distributeSpend,
  drawableGrants,
  expireGrants,
  type GrantState,
  returnToGrants,
} from "./grant-order.ts";

function grant(grantId: string, remaining: bigint, rest: Partial<GrantState> = {}): GrantState {
  return { grantId, remaining, priority: 0, effectiveAt: 0, expiresAt: null, createdAt: 0, ...rest };
}

const NOW = 100;

const grants: fc.Arbitrary<GrantState[]> = fc.uniqueArray(
  fc.record(
    {
      grantId: fc.stringMatching(/^grt_[a-z]{2}$/),
      remaining: fc.bigInt({ min: 0n, max: 50n }),
      priority: fc.integer({ min: 0, max: 2 }),
      effectiveAt: fc.integer({ min: 0, max: 120 }),
      expiresAt: fc.option(fc.integer({ min: 50, max: 150 })),
      createdAt: fc.integer({ min: 0, max: 3 }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 6, selector: ({ grantId }) => grantId },
);

function total(list: readonly { readonly remaining: bigint }[]): bigint {
  return list.reduce((sum, { remaining }) => sum + remaining, 0n);
}

function totalAmount(list: readonly { readonly amount: bigint }[]): bigint {
  return list.reduce((sum, { amount }) => sum + amount, 0n);
}

function share(whole: bigint, part: number): bigint {
  return (whole * BigInt(part)) / 100n;
}

const percent = fc.integer({ min: 0, max: 100 });

describe("the order of grants", () => {
  it("is priority, then earliest expiry, then age", () => {
    const list = [
      grant("f", 1n, { priority: 1, expiresAt: 1 }),
      grant("e", 1n),
      grant("d", 1n, { expiresAt: 20, createdAt: 2 }),
      grant("c", 1n, { expiresAt: 20, createdAt: 1 }),
      grant("b", 1n, { expiresAt: 10, createdAt: 9 }),
      grant("a", 1n, { expiresAt: 10, createdAt: 9 }),
    ];
    assert.deepEqual(
      list.sort(compareGrants).map(({ grantId }) => grantId),
      ["a", "b", "c", "d", "e", "f"],
    );
  });

  it("is a total order: any two grants have one", () => {
    fc.assert(
      fc.property(grants, (list) => {
        for (const one of list) {
          for (const other of list) {
            const order = Math.sign(compareGrants(one, other));
            assert.equal(order, 0 - Math.sign(compareGrants(other, one)));
            assert.equal(order === 0, one === other);
          }
        }
      }),
    );
  });
});

describe("distributeSpend", () => {
  it("draws in order and says which range of the spend each grant paid", () => {
    const list = [
      grant("late", 10n),
      grant("soon", 5n, { expiresAt: 200 }),
      grant("later", 9n, { effectiveAt: 101 }),
    ];
    const { grants: after, draws, undrawn } = distributeSpend(list, 20n, 27n, NOW);
    assert.deepEqual(draws, [
      { grantId: "soon", fromSpent: 20n, toSpent: 25n },
      { grantId: "late", fromSpent: 25n, toSpent: 27n },
    ]);
    assert.deepEqual(
      after.map(({ remaining }) => remaining),
      [8n, 0n, 9n],
    );
    assert.equal(undrawn, 0n);
  });

  it("loses nothing: draws cover the spend without gaps, and grants shrink by them", () => {
    fc.assert(
      fc.property(
        grants,
        fc.bigInt({ min: 0n, max: 1000n }),
        fc.bigInt({ min: 0n, max: 300n }),
        (list, drawn, amount) => {
          const { grants: after, draws, undrawn } = distributeSpend(list, drawn, drawn + amount, NOW);
          let position = drawn;
          for (const draw of draws) {
            assert.equal(draw.fromSpent, position);
            assert.ok(draw.toSpent > draw.fromSpent);
            position = draw.toSpent;
          }
          assert.equal(position + undrawn, drawn + amount);
          assert.equal(total(list) - total(after), amount - undrawn);
          assert.ok(after.every(({ remaining }) => remaining >= 0n));
          assert.ok(undrawn === 0n || drawableGrants(after, NOW).length === 0);
        },
      ),
    );
  });

  it("gives the same in two steps as in one", () => {
    fc.assert(
      fc.property(grants, percent, percent, (list, first, second) => {
        const spent = share(total(drawableGrants(list, NOW)), first);
        const middle = share(spent, second);
        const half = distributeSpend(list, 0n, middle, NOW);
        assert.deepEqual(
          distributeSpend(half.grants, middle, spent, NOW).grants,
          distributeSpend(list, 0n, spent, NOW).grants,
        );
      }),
    );
  });
});

describe("expireGrants", () => {
  it("takes the rest of what has expired, but not what a hold covers", () => {
    const list = [
      grant("old", 10n, { expiresAt: 90 }),
      grant("older", 4n, { expiresAt: 80 }),
      grant("live", 7n),
    ];
    const { grants: after, expired } = expireGrants(list, 9n, NOW);
    assert.deepEqual(expired, [{ grantId: "old", amount: 5n }]);
    assert.deepEqual(
      after.map(({ remaining }) => remaining),
      [5n, 4n, 7n],
    );
    assert.deepEqual(expireGrants(after, 0n, NOW).expired, [
      { grantId: "older", amount: 4n },
      { grantId: "old", amount: 5n },
    ]);
  });

  it("expires at the very moment", () => {
    assert.equal(expireGrants([grant("a", 1n, { expiresAt: NOW })], 0n, NOW).expired.length, 1);
    assert.equal(expireGrants([grant("a", 1n, { expiresAt: NOW + 1 })], 0n, NOW).expired.length, 0);
  });

  it("keeps at least what is held, loses nothing, and has nothing more to take at once", () => {
    fc.assert(
      fc.property(grants, percent, (list, part) => {
        const held = share(total(drawableGrants(list, NOW)), part);
        const { grants: after, expired } = expireGrants(list, held, NOW);
        assert.equal(total(list) - total(after), totalAmount(expired));
        assert.ok(total(drawableGrants(after, NOW)) >= held);
        assert.ok(expired.every(({ amount }) => amount > 0n));
        assert.deepEqual(attributeHeld(after, held, NOW), attributeHeld(list, held, NOW));
        assert.deepEqual(expireGrants(after, held, NOW).expired, []);
      }),
    );
  });
});

describe("attributeRefund", () => {
  const draws = [
    { grantId: "a", fromSpent: 0n, toSpent: 10n },
    { grantId: "b", fromSpent: 10n, toSpent: 14n },
    { grantId: "c", fromSpent: 14n, toSpent: 20n },
  ];

  it("goes back newest drawn first, and goes on where the last refund stopped", () => {
    const charge = { spent: 18n, amount: 12n, refunded: 0n };
    assert.deepEqual(attributeRefund(draws, charge, 6n), [
      { grantId: "c", amount: 4n },
      { grantId: "b", amount: 2n },
    ]);
    assert.deepEqual(attributeRefund(draws, { ...charge, refunded: 6n }, 6n), [
      { grantId: "b", amount: 2n },
      { grantId: "a", amount: 4n },
    ]);
  });

  it("says which part was not distributed yet", () => {
    assert.deepEqual(attributeRefund(draws, { spent: 25n, amount: 7n, refunded: 0n }, 7n), [
      { grantId: null, amount: 5n },
      { grantId: "c", amount: 2n },
    ]);
    assert.deepEqual(attributeRefund([], { spent: 5n, amount: 5n, refunded: 0n }, 3n), [
      { grantId: null, amount: 3n },
    ]);
  });

  it("never gives back more than was charged", () => {
    assert.deepEqual(attributeRefund(draws, { spent: 4n, amount: 4n, refunded: 3n }, 99n), [
      { grantId: "a", amount: 1n },
    ]);
    assert.deepEqual(attributeRefund(draws, { spent: 4n, amount: 4n, refunded: 4n }, 1n), []);
  });

  it("restores the grants, when every charge is refunded in any order and in any pieces", () => {
    fc.assert(
      fc.property(
        grants,
        fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), percent), { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.boolean()),
        (list, sizes, coin) => {
          const ends: { spent: bigint; amount: bigint; first: bigint }[] = [];
          let spent = 0n;
          for (const [size, part] of sizes) {
            const amount = BigInt(size);
            if (spent + amount > total(drawableGrants(list, NOW))) continue;
            spent += amount;
            ends.push({ spent, amount, first: share(amount, part) });
          }
          const { grants: after, draws: drawn } = distributeSpend(list, 0n, spent, NOW);
          let now: readonly GrantState[] = after;
          for (const { amount, first, ...end } of ends.sort(() => (coin.next().value === true ? 1 : -1))) {
            for (const [refunded, refund] of [
              [0n, first],
              [first, amount - first],
            ] as const) {
              const parts = attributeRefund(drawn, { ...end, amount, refunded }, refund);
              assert.equal(totalAmount(parts), refund);
              now = returnToGrants(now, parts, 0).grants;
            }
          }
          assert.deepEqual(now, list);
        },
      ),
    );
  });
});

describe("returnToGrants", () => {
  it("gives what belongs to expired grants to a grant that lives as long as the longest-lived", () => {
    const list = [
      grant("gone", 0n, { expiresAt: 90 }),
      grant("a", 1n, { expiresAt: 300 }),
      grant("b", 0n, { expiresAt: 200 }),
    ];
    const parts = [
      { grantId: "gone", amount: 5n },
      { grantId: "a", amount: 2n },
      { grantId: null, amount: 9n },
    ];
    const { grants: after, homeless, until } = returnToGrants(list, parts, NOW);
    assert.deepEqual(
      after.map(({ remaining }) => remaining),
      [0n, 3n, 0n],
    );
    assert.equal(homeless, 5n);
    assert.equal(until, 300);
  });

  it("lets it live for ever beside one that does, and when no other is left", () => {
    const parts = [{ grantId: "gone", amount: 5n }];
    const gone = grant("gone", 0n, { expiresAt: 90 });
    assert.equal(
      returnToGrants([gone, grant("a", 1n, { expiresAt: 300 }), grant("b", 1n)], parts, NOW).until,
      null,
    );
    assert.equal(returnToGrants([gone], parts, NOW).until, null);
  });
});
