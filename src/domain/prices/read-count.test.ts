import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCount } from "./read-count.ts";

describe("readCount", () => {
  const inBody: [string, unknown, number | undefined][] = [
    ["/data", { data: [1, 2, 3] }, 3],
    ["/data", { data: [] }, 0],
    ["/credit_usage/total_results", { credit_usage: { total_results: 100 } }, 100],
    ["", [7, 8], 2],
    ["", 4, 4],
    ["/data", { data: -1 }, -1],
    ["/data", { data: "3" }, undefined],
    ["/data", { data: null }, undefined],
    ["/data", { data: { a: 1 } }, undefined],
    ["/data", {}, undefined],
    ["", { data: [] }, undefined],
    ["/data", undefined, undefined],
    ["/length", [1, 2], undefined],
  ];
  for (const [body, document, units] of inBody) {
    it(`${JSON.stringify(body)} in ${JSON.stringify(document)} is ${units}`, () => {
      assert.equal(readCount({ body }, { header: () => undefined, body: document }), units);
    });
  }

  const inHeader: [string | undefined, number | undefined][] = [
    ["12", 12],
    [" 12 ", 12],
    ["0", 0],
    [undefined, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["12, 13", undefined],
    ["9".repeat(40), undefined],
  ];
  for (const [text, units] of inHeader) {
    it(`header ${JSON.stringify(text)} is ${units}`, () => {
      const header = (name: string) => (name === "x-count" ? text : undefined);
      assert.equal(readCount({ header: "x-count" }, { header, body: [1] }), units);
    });
  }

  it("counts nothing where a price counts nothing", () => {
    assert.equal(readCount(undefined, { header: () => "1", body: [1] }), undefined);
  });
});
