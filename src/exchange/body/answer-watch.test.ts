import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { allHold, judge } from "../../domain/prices/condition.ts";
import { answerFactsOf } from "../../domain/prices/explain/described-answer.ts";
import type { Condition } from "../../domain/prices/price.ts";
import { AnswerWatch } from "./answer-watch.ts";
import { BodyScan } from "./json-splice.ts";

const POINTERS: readonly string[] = ["", "/a", "/b", "/a/b", "/a/0", "/a/0/b"];
const CONDITIONS: readonly (readonly Condition[])[] = [
  [{ body: "", empty: false }],
  [{ body: "/b", equals: 1 }],
  [
    { body: "/a", exists: true },
    { body: "/b", noneOf: ["x"] },
  ],
];

function tokensOf(pointer: string): string[] {
  return pointer.split("/").slice(1);
}

/** Scans a text in pieces, with a member's place looked for beside. */
function scan(text: string, size: number) {
  const watch = new AnswerWatch();
  for (const pointer of POINTERS) watch.want(pointer, tokensOf(pointer));
  const lists = POINTERS.flatMap((pointer) =>
    CONDITIONS.map((conditions) => {
      const fields = conditions.flatMap((condition) => ("body" in condition ? [condition.body] : []));
      const pointers = new Map(fields.map((field) => [field, tokensOf(field)]));
      const test = (read: (field: string) => Parameters<typeof judge>[1]): boolean =>
        allHold(conditions, (condition) =>
          judge(condition, "body" in condition ? read(condition.body) : undefined),
        ) !== false;
      return { pointer, conditions, list: watch.wantItems(tokensOf(pointer), test, pointers) };
    }),
  );
  const body = new BodyScan(["a"], ["usage"], watch);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) body.write(bytes.subarray(at, at + size));
  return { watch, lists, read: body.end(), length: bytes.length };
}

const key = fc.constantFrom("a", "b", "0", "\u00e9", 'q"\\');
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false, 1, 0, -1.5, 1e21, "", "x", "\u00e9\n"),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(key, tie("any"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;

describe("AnswerWatch", () => {
  it("finds what a parser finds, however the body is cut", () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 40 }), (body, size) => {
        const { watch, lists, read, length } = scan(JSON.stringify(body), size);
        const facts = answerFactsOf({ body, headers: new Map(), bytes: undefined });
        assert.deepEqual([read.isJson, read.bytes], [true, length]);
        for (const pointer of POINTERS) {
          const [found, expected] = [watch.read(pointer), facts.read(pointer)];
          assert.deepEqual(
            [found?.kind, found?.value, found?.length],
            [expected?.kind, expected?.value, expected?.length],
            pointer,
          );
          for (const isEmpty of [true, false]) {
            const condition: Condition = { body: pointer, empty: isEmpty };
            assert.equal(judge(condition, found), judge(condition, expected), pointer);
          }
        }
        for (const { pointer, conditions, list } of lists) {
          assert.equal(
            watch.counted(list),
            facts.countItems(pointer, conditions),
            `${pointer} ${JSON.stringify(conditions)}`,
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it("takes the last of a name that occurs twice, and nothing that an earlier one held", () => {
    const { watch, lists } = scan('{"a":[{"b":1},{"b":1}],"a":[{"b":1}],"b":"x","b":{}}', 3);
    assert.equal(watch.read("/a")?.length, 1);
    assert.deepEqual(watch.read("/b")?.kind, "other");
    const counted = lists.find(({ pointer, conditions }) => pointer === "/a" && conditions === CONDITIONS[1]);
    assert.equal(watch.counted(counted?.list ?? -1), 1);
    assert.equal(scan('{"a":[1],"a":2}', 5).watch.counted(counted?.list ?? -1), undefined);
  });

  it("keeps of a long text only that it is there", () => {
    const { watch } = scan(JSON.stringify({ a: "x".repeat(5_000), b: "y".repeat(1_000) }), 64);
    assert.deepEqual(watch.read("/a"), { kind: "other" });
    assert.equal(watch.read("/b")?.value, "y".repeat(1_000));
  });
});
