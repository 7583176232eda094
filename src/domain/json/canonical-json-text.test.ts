import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";
import { canonicalJsonText } from "./canonical-json-text.ts";

describe("canonicalJsonText", () => {
  it("is what canonicalJson makes of the value", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2, "\t"), (json, indent) => {
        const value: unknown = JSON.parse(json, keepShort);
        const text = JSON.stringify(value, null, indent);
        assert.equal(canonicalJsonText(text), canonicalJson(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps numbers that a double does not hold", () => {
    assert.equal(canonicalJsonText('{"b":12345678901234567890,"a":1.0}'), '{"a":1,"b":12345678901234567890}');
  });

  it("is nothing where a name stands twice", () => {
    assert.equal(canonicalJsonText('{"a":1,"b":{"c":1,"\\u0063":1}}'), undefined);
  });
});

/** Numbers of more digits are written in other ways on purpose. */
function keepShort(_name: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value % 1e6) : value;
}
