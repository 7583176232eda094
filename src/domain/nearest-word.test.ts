import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestWord } from "./nearest-word.ts";

describe("nearestWord", () => {
  const fields = ["match", "cost", "credit", "per", "count", "atMost"];
  const cases: [string, string | undefined][] = [
    ["mathc", "match"],
    ["costs", "cost"],
    ["Credits", "credit"],
    ["atmost", "atMost"],
    ["cuont", "count"],
    ["price", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ];
  for (const [word, meant] of cases) {
    it(`${JSON.stringify(word.slice(0, 20))} means ${meant ?? "nothing"}`, () => {
      assert.equal(nearestWord(word, fields), meant);
    });
  }

  it("knows nothing without candidates", () => {
    assert.equal(nearestWord("cost", []), undefined);
  });
});
