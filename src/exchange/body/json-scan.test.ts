import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import { PathWatch } from "./json-path-watch.ts";
import { JsonScan, MAX_JSON_DEPTH } from "./json-scan.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function scans(text: string): boolean {
  const scan = new JsonScan(new PathWatch(undefined, []));
  scan.write(Buffer.from(text));
  return scan.end();
}

function countAt(text: string, pointer: string, chunk = Number.POSITIVE_INFINITY): number | undefined {
  const watch = new PathWatch(parseJsonPointer(pointer), []);
  const scan = new JsonScan(watch);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) scan.write(bytes.subarray(at, at + chunk));
  return scan.end() ? watch.count : undefined;
}

const spaced = fc
  .tuple(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 1, 2, "\t"))
  .map(([json, indent]) => JSON.stringify(JSON.parse(json), null, indent));

/** Texts near the grammar's edges: tokens in any order. */
const nearJson = fc
  .array(
    fc.constantFrom(
      ...'{}[],:"\\ \n09-+.eEtruefalsnu1'.split(""),
      "true",
      "null",
      '"a"',
      "1.5e-3",
      "\\u00e9",
      '"\\n"',
      "\u0001",
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("JsonScan", () => {
  it("accepts exactly what JSON.parse accepts", () => {
    fc.assert(
      fc.property(fc.oneof(nearJson, spaced), (text) => {
        assert.equal(scans(text), parses(text), text);
      }),
      { numRuns: 5000 },
    );
  });

  it("refuses every truncation of an object or array", () => {
    fc.assert(
      fc.property(spaced, (text) => {
        if (!/^[[{]/.test(text)) return;
        for (let length = 0; length < text.length; length++)
          assert.equal(scans(text.slice(0, length)), false);
      }),
      { numRuns: 100 },
    );
  });

  it("finds the same count whatever the chunks", () => {
    fc.assert(
      fc.property(
        spaced,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom("", "/a", "/0", "/a/b", "/1/0"),
        (text, chunk, at) => {
          assert.equal(countAt(text, at, chunk), countAt(text, at));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("finds what JSON.parse and the pointer find", () => {
    const key = fc.constantFrom("a", "b", "0", "é", "a/b", "~", '"', "");
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>(null, true, 3, 0, -1, 2.5, 1e300, "x"),
        fc.array(tie("node"), { maxLength: 4 }),
        fc.dictionary(key, tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(
        tree,
        fc.array(fc.oneof(key, fc.constantFrom("1", "2")), { maxLength: 3 }),
        (value, path) => {
          const pointer = path
            .map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`)
            .join("");
          assert.equal(countAt(JSON.stringify(value, null, 1), pointer, 5), expectedCount(value, path));
        },
      ),
      { numRuns: 3000 },
    );
  });

  const counts: [string, string, number | undefined][] = [
    ['{"data":[1,2,3]}', "/data", 3],
    ['{"data":[]}', "/data", 0],
    ['{"data":[[1,2],{"data":[1]}]}', "/data", 2],
    ['{"x":{"data":[1]},"data":[1,2]}', "/data", 2],
    ['{"\\u0064ata":[1]}', "/data", 1],
    ['{"data":[1],"data":[1,2]}', "/data", 2],
    ['{"a":{"n":1},"a":{}}', "/a/n", undefined],
    ['{"total":12}', "/total", 12],
    ['{"total":1e2}', "/total", 100],
    ['{"total":"12"}', "/total", undefined],
    ['{"total":-1}', "/total", undefined],
    ['{"total":2.5}', "/total", undefined],
    ['{"total":null}', "/total", undefined],
    ['{"total":99999999999999999999}', "/total", undefined],
    ["[1,2]", "", 2],
    ["7", "", 7],
    ["[[1,2,3]]", "/0", 3],
    ["[[1],[1,2]]", "/1", 2],
    ['{"data":[1,2', "/data", undefined],
    ['{"data":[1,2]} x', "/data", undefined],
    ['\ufeff{"data":[1,2]}', "/data", 2],
  ];
  for (const [text, pointer, count] of counts) {
    it(`${text} at ${JSON.stringify(pointer)} is ${count}`, () => {
      assert.equal(countAt(text, pointer), count);
    });
  }

  it("refuses nesting beyond its limit instead of growing", () => {
    assert.equal(scans("[".repeat(MAX_JSON_DEPTH) + "]".repeat(MAX_JSON_DEPTH)), true);
    assert.equal(scans("[".repeat(MAX_JSON_DEPTH + 1) + "]".repeat(MAX_JSON_DEPTH + 1)), false);
  });
});

function expectedCount(value: unknown, path: string[]): number | undefined {
  let at: unknown = value;
  for (const token of path) {
    if (Array.isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(token) ? at[Number(token)] : undefined;
    else if (typeof at === "object" && at !== null && Object.hasOwn(at, token)) at = Reflect.get(at, token);
    else return undefined;
  }
  if (Array.isArray(at)) return at.length;
  return typeof at === "number" && Number.isSafeInteger(at) && at >= 0 ? at : undefined;
}
