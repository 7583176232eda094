import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MatchPattern, parseMatchPattern } from "./match-pattern.ts";
import { comparePrecedence, covers, overlaps } from "./match-relation.ts";
import { RouteTable, routeKey } from "./route-table.ts";

function pattern(text: string): MatchPattern {
  const parsed = parseMatchPattern(text, "", []);
  assert.ok(parsed, text);
  return parsed;
}

const METHODS = ["GET", "POST", "HEAD"];
const WORDS = ["a", "B", "c%64"];

/** Every request of up to four segments of a small world. */
const REQUESTS = METHODS.flatMap((method) => {
  let paths = [""];
  const all = ["/"];
  for (let length = 1; length <= 4; length += 1) {
    paths = paths.flatMap((path) => [...WORDS, "x"].map((word) => `${path}/${word}`));
    all.push(...paths);
  }
  return all.map((path) => [method, path] as const);
});

const anyPattern = fc
  .tuple(
    fc.constantFrom("GET", "POST", "HEAD", "*"),
    fc.array(fc.constantFrom("a", "A", "b", "cd", "{p}"), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([method, words, wildcard]) => {
    const named = words.map((word, index) => (word === "{p}" ? `{p${index}}` : word));
    const path = `/${[...named, ...(wildcard ? ["*"] : [])].join("/")}`;
    return pattern(`${method} ${path}`);
  });

const exact = { exact: false, headAsGet: true };
const matched = (one: MatchPattern): ReadonlySet<string> => {
  const table = new RouteTable([[one, true]], exact);
  return new Set(REQUESTS.filter(([method, path]) => table.find(method, path)).map(String));
};

test("covers, overlaps and precedence say of two matches what the route table does with every request", () => {
  fc.assert(
    fc.property(anyPattern, anyPattern, (one, other) => {
      const ofOne = matched(one);
      const ofOther = matched(other);
      const both = [...ofOne].filter((request) => ofOther.has(request));
      const place = `${one.text} and ${other.text}`;
      assert.equal(overlaps(one, other), both.length > 0, place);
      assert.equal(covers(one, other), both.length === ofOther.size, place);
      if (routeKey(one, exact) === routeKey(other, exact)) return;
      const table = new RouteTable(
        [
          [one, "one"],
          [other, "other"],
        ],
        exact,
      );
      const first = comparePrecedence(one, other) < 0 ? "one" : "other";
      for (const [method, path] of REQUESTS) {
        if (both.includes(String([method, path]))) {
          assert.equal(table.find(method, path)?.value, first, `${method} ${path} of ${place}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("the match of everything covers every other one", () => {
  for (const text of ["GET /", "* /*", "GET /a/{b}", "POST /a/*", "HEAD /a"]) {
    assert.ok(covers(pattern("*"), pattern(text)), text);
  }
  assert.ok(!covers(pattern("*"), pattern("OPTIONS /a")));
});
