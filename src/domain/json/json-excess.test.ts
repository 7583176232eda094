import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findJsonExcess } from "./json-excess.ts";

describe("findJsonExcess", () => {
  const cases: [what: string, text: string, is: RegExp | undefined][] = [
    ["64 levels", `${"[".repeat(64)}${"]".repeat(64)}`, undefined],
    ["65 levels", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, /levels/],
    ["brackets in a text", `"${"[".repeat(100)}\\"${"[".repeat(100)}"`, undefined],
    ["a text without an end", `"${"[".repeat(100)}`, undefined],
    ["many lists side by side", `[${"[],".repeat(100)}0]`, undefined],
    ["fifty thousand ids", `{"ids":[${"1,".repeat(49_998)}1]}`, undefined],
    ["more elements", `[${"1,".repeat(50_001)}1]`, /elements/],
    ["lists of nothing", `[${"[],".repeat(9_000)}0]`, /lists and objects/],
    ["more members", `{${'"a":1,'.repeat(10_000)}"a":1}`, /members/],
    ["what is no JSON", "]]]{x", undefined],
  ];
  for (const [what, text, is] of cases) {
    it(what, () => {
      const excess = findJsonExcess(text);
      if (is === undefined) assert.equal(excess, undefined);
      else assert.match(excess ?? "", is);
    });
  }
});
