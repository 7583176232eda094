import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countMembers, findJsonExcess, lookThrough } from "./json-excess.ts";

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

describe("the members of a text", () => {
  const limits = { depth: 100, elements: 1_000, members: 1_000, containers: 1_000 };
  const cases: [text: string, hasTwins: boolean][] = [
    ['{"a":1,"b":{"a":[{"a":1},{"a":null},[]]}}', false],
    ['{"a":":\\":","__proto__":{"constructor":1}}', false],
    ["[1,2]", false],
    ["null", false],
    ['{"a":1,"a":1}', true],
    ['{"a":[{"b":1,"c":2,"b":3}]}', true],
    ['{"a":1,"\\u0061":2}', true],
  ];
  for (const [text, hasTwins] of cases) {
    it(`${text} has ${hasTwins ? "more than its value" : "those of its value"}`, () => {
      assert.equal(lookThrough(text, limits).members !== countMembers(JSON.parse(text)), hasTwins);
    });
  }
});
