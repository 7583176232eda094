import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UpstreamHead } from "../headers/upstream-head.ts";
import { unitsOfHeader } from "./body-questions.ts";

const HEAD: Omit<UpstreamHead, "countHeader"> = {
  status: 200,
  statusText: undefined,
  bodiless: false,
  headers: [],
  length: undefined,
  contentType: undefined,
  contentEncoding: undefined,
  hasCacheControl: false,
};

describe("the number of results in a header", () => {
  const cases: [string | undefined, number | undefined][] = [
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
  for (const [countHeader, units] of cases) {
    it(`${JSON.stringify(countHeader)} is ${units}`, () => {
      assert.equal(unitsOfHeader({ ...HEAD, countHeader }), units);
    });
  }
});
