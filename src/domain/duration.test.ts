import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatDuration, MAX_DURATION_SECONDS, parseDuration } from "./duration.ts";

describe("durations", () => {
  const cases: [unknown, number | undefined][] = [
    ["90s", 90],
    ["15m", 900],
    ["24h", 86_400],
    ["30d", 2_592_000],
    ["2w", 1_209_600],
    ["3650d", MAX_DURATION_SECONDS],
    ["3651d", undefined],
    ["0s", undefined],
    ["-1h", undefined],
    ["1.5h", undefined],
    ["24", undefined],
    ["24 h", undefined],
    ["24H", undefined],
    ["1mo", undefined],
    ["9999999999w", undefined],
    [24, undefined],
    [null, undefined],
  ];
  for (const [input, seconds] of cases) {
    it(`${JSON.stringify(input)} is ${seconds ?? "refused"}`, () =>
      assert.equal(parseDuration(input), seconds));
  }

  it("are read back as they were written, in the largest whole unit", () => {
    assert.equal(formatDuration(86_400), "1d");
    assert.equal(formatDuration(86_401), "86401s");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_DURATION_SECONDS }), (seconds) => {
        assert.equal(parseDuration(formatDuration(seconds)), seconds);
      }),
    );
  });
});
