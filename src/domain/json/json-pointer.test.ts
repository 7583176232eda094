import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseJsonPointer, readJsonPointer } from "./json-pointer.ts";

describe("JSON pointer", () => {
  it("evaluates every example of RFC 6901 section 5", () => {
    const document = {
      foo: ["bar", "baz"],
      "": 0,
      "a/b": 1,
      "c%d": 2,
      "e^f": 3,
      "g|h": 4,
      "i\\j": 5,
      'k"l': 6,
      " ": 7,
      "m~n": 8,
    };
    const examples: [string, unknown][] = [
      ["", document],
      ["/foo", ["bar", "baz"]],
      ["/foo/0", "bar"],
      ["/", 0],
      ["/a~1b", 1],
      ["/c%d", 2],
      ["/e^f", 3],
      ["/g|h", 4],
      ["/i\\j", 5],
      ['/k"l', 6],
      ["/ ", 7],
      ["/m~0n", 8],
    ];
    for (const [pointer, value] of examples)
      assert.deepEqual(readJsonPointer(document, pointer), value, pointer);
  });

  it("reads ~01 as ~1, never as a slash", () => {
    assert.deepEqual(parseJsonPointer("/~01"), ["~1"]);
  });

  it("refuses what is no pointer", () => {
    for (const text of ["foo", "foo/bar", "/~", "/~2", "/a~"])
      assert.equal(parseJsonPointer(text), undefined, text);
  });

  it("finds nothing that the document does not have itself", () => {
    for (const pointer of ["/constructor", "/__proto__", "/toString/name"]) {
      assert.equal(readJsonPointer({}, pointer), undefined, pointer);
    }
    for (const pointer of ["/length", "/-", "/01", "/1e0", "/2", "/+1"]) {
      assert.equal(readJsonPointer(["a", "b"], pointer), undefined, pointer);
    }
    assert.equal(readJsonPointer("text", "/length"), undefined);
    assert.equal(readJsonPointer(undefined, "/a"), undefined);
    assert.equal(readJsonPointer(undefined, ""), undefined);
    assert.equal(readJsonPointer(JSON.parse('{"__proto__":1}'), "/__proto__"), 1);
  });

  it("finds every leaf of every document by its own path", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (document) => {
        const visit = (value: unknown, pointer: string): void => {
          assert.equal(readJsonPointer(document, pointer), value);
          if (typeof value !== "object" || value === null) return;
          for (const [name, member] of Object.entries(value)) {
            visit(member, `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
          }
        };
        visit(document, "");
      }),
    );
  });
});
