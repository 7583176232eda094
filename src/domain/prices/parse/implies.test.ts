import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { conditionHolds } from "../condition.ts";
import { fieldsOfValue } from "../field-value.ts";
import type { Condition, RequestFacts } from "../price.ts";
import { allImply, findContradiction } from "./implies.ts";

const scalar = fc.constantFrom("full", "a", "1", "", 1, 2, 5, true);
const some = fc.array(scalar, { minLength: 1, maxLength: 3 });
const number = fc.integer({ min: -1, max: 6 });
const test: fc.Arbitrary<object> = fc.oneof(
  fc.record({ equals: fc.oneof(scalar, fc.constant(null)) }),
  fc.record({ oneOf: some }),
  fc.record({ noneOf: some }),
  fc.record({ exists: fc.boolean() }),
  fc.record({ empty: fc.boolean() }),
  fc.record({ contains: scalar }),
  fc.record({ from: number }),
  fc.record({ to: number }),
  fc.tuple(number, number).map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) })),
);
const field: fc.Arbitrary<object> = fc.oneof(
  fc.constant({ body: "/a" }),
  fc.constant({ query: "a" }),
  fc.record({ body: fc.constant("/a"), default: scalar }),
);
const two = fc
  .tuple(field, test, test)
  .map(
    ([place, one, other]) =>
      [{ ...place, ...one } as Condition, { ...place, ...other } as Condition] as const,
  );
const requests: readonly RequestFacts[] = [
  ...[undefined, null, "full", "a", "1", "", 1, 2, 5, true, [], ["a"], [1, ""], {}, { b: 1 }].map((a) =>
    requestOf(a === undefined ? {} : { a }, ""),
  ),
  ...["", "a=full", "a=1", "a=", "a=5", "a=true", "a=null"].map((query) => requestOf({}, query)),
];

function requestOf(body: unknown, query: string): RequestFacts {
  return {
    method: "POST",
    path: "/",
    pathParams: {},
    query: new URLSearchParams(query),
    header: () => undefined,
    body: fieldsOfValue(body),
  };
}

describe("what conditions say of one another", () => {
  it("is true of every request", () => {
    let implied = 0;
    let contradicted = 0;
    fc.assert(
      fc.property(two, ([one, other]) => {
        const isImplied = allImply([one], [other]);
        const isContradicted = findContradiction([one, other]) !== undefined;
        if (isImplied) implied += 1;
        if (isContradicted) contradicted += 1;
        for (const request of requests) {
          const [first, second] = [conditionHolds(one, request), conditionHolds(other, request)];
          if (isImplied && first === true) assert.equal(second, true);
          if (isContradicted) assert.ok(first !== true || second !== true);
        }
      }),
      { numRuns: 3_000 },
    );
    assert.ok(implied > 100 && contradicted > 100, `${implied} implied, ${contradicted} contradicted`);
  });

  const body = (rest: object): Condition => ({ body: "/a", ...rest });
  const query = (rest: object): Condition => ({ query: "a", ...rest });

  it("is seen of ranges, lists, missing fields and texts", () => {
    for (const [narrower, wider] of [
      [body({ from: 10, to: 50 }), body({ from: 1, to: 100 })],
      [body({ equals: 50 }), body({ from: 1 })],
      [body({ from: 50 }), body({ exists: true })],
      [body({ contains: "a" }), body({ empty: false })],
      [body({ exists: false }), body({ noneOf: ["a"] })],
      [body({ equals: "b" }), body({ noneOf: ["a"] })],
      [body({ noneOf: ["a", "b"] }), body({ noneOf: ["a"] })],
      [query({ equals: 1 }), query({ equals: "1" })],
    ] as const) {
      assert.ok(allImply([narrower], [wider]), JSON.stringify([narrower, wider]));
      assert.ok(!allImply([wider], [narrower]) || "query" in wider, JSON.stringify([wider, narrower]));
    }
  });

  it("is a contradiction where nothing can be both", () => {
    for (const both of [
      [body({ equals: 1 }), body({ equals: 2 })],
      [body({ exists: false }), body({ from: 1 })],
      [body({ empty: true }), body({ oneOf: ["a", "b"] })],
      [body({ from: 10 }), body({ to: 9 })],
      [body({ equals: 5 }), body({ from: 6 })],
      [body({ oneOf: ["a", "b"] }), body({ noneOf: ["a", "b", "c"] })],
      [body({ exists: false, default: 1 })],
    ])
      assert.notEqual(findContradiction(both), undefined, JSON.stringify(both));
    for (const both of [
      [body({ from: 9 }), body({ to: 9 })],
      [body({ equals: "1" }), body({ noneOf: [1] })],
      [body({ equals: null }), body({ exists: true })],
      [body({ contains: "a" }), body({ contains: "b" })],
      [body({ equals: 1 }), query({ equals: 2 })],
    ])
      assert.equal(findContradiction(both), undefined, JSON.stringify(both));
  });
});
