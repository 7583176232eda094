import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problemOf } from "./testing/config-problems.ts";

test("a limit of results is refused that a request which does not say how many would never keep", () => {
  const price = (rest: string): string =>
    `prices: [{ match: "POST /v1/{x}", cost: 1, per: result, count: { body: /d }, ${rest} }]`;
  const limit = (match: string, more = ""): string =>
    `limits: [{ match: "${match}", results: 50, per: minute${more} }]`;
  for (const lines of [
    `${limit("*")}\n${price("atMost: 100")}`,
    `${limit("POST /v1/*")}\n${price("atMost: { query: size, default: 51, max: 100 }")}`,
    `${limit("* /v1/{y}", ", by: key")}\n${price("atMost: { query: size, max: 100 }")}`,
    `plans: { p: { ${limit("*")} } }\n${price("atMost: 100, plan: p")}`,
  ]) {
    const { path, line, reason } = problemOf(lines);
    assert.deepEqual([path, line], ["prices[0].atMost", 3]);
    assert.match(reason, /may return (?:100|51) results, .* has a limit of 50: it would always be refused/);
  }
  for (const lines of [
    `${limit("*")}\n${price("atMost: { query: size, default: 50, max: 100 }")}`,
    `${limit("POST /v1/a")}\n${price("atMost: 100")}`,
    `plans: { p: { ${limit("*")} } }\n${price("atMost: 100")}`,
    `${limit("*")}\n${price("decide: answer")}`,
  ]) {
    parse(`upstream: http://x\n${lines}`);
  }
});
