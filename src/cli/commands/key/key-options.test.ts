import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readCap, readGrace, readRepeated } from "./key-options.ts";

describe("options of keys", () => {
  test("scopes are collected", () => {
    assert.deepEqual(readRepeated("* /b", readRepeated("GET /a")), ["GET /a", "* /b"]);
  });

  test("caps are collected by credit type", () => {
    const caps = ["search:day=1.5", "collect:total=7", "search:month=20,total=300"].reduce<
      ReturnType<typeof readCap>
    >((before, text) => readCap(text, before), []);
    assert.deepEqual(caps, [
      { creditType: "collect", total: "7" },
      { creditType: "search", day: "1.5", month: "20", total: "300" },
    ]);
  });

  for (const wrong of [
    "100",
    "day=100",
    "credits:",
    "credits:hour=1",
    "credits:day",
    "credits:day=1,day=2",
  ]) {
    test(`${wrong} is no cap`, () => assert.throws(() => readCap(wrong), /credits:day=100/));
  }

  test("a grace is 0 or a duration", () => {
    assert.deepEqual(
      [readGrace("0"), readGrace("90s"), readGrace("24h"), readGrace("7d")],
      [0, 90, 86_400, 604_800],
    );
    for (const wrong of ["", "5", "0h", "-1h", "soon"]) assert.throws(() => readGrace(wrong), /24h/);
  });
});
