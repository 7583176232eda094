import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LoggerOptions } from "./logger.ts";

function collect(format: LoggerOptions["format"]): {
  lines: string[];
  logger: ReturnType<typeof createLogger>;
} {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level: "info", format, write: (line) => lines.push(line) }) };
}

test("a JSON line has a time, a named level and the members", () => {
  const { lines, logger } = collect("json");
  logger.info({ endpoint: "GET /x" }, "served");
  const record: unknown = JSON.parse(lines[0] ?? "");
  assert.partialDeepStrictEqual(record, { level: "info", endpoint: "GET /x", msg: "served" });
  assert.match(lines[0] ?? "", /"time":"\d{4}-\d\d-\d\dT/);
});

test("secrets are not logged at any depth that a header or an option has", () => {
  const { lines, logger } = collect("json");
  logger.info({ token: "s3cret", headers: { authorization: "Bearer s3cret", "x-api-key": "s3cret" } }, "x");
  logger.info({ request: { headers: { apikey: "s3cret" } } }, "x");
  assert.doesNotMatch(lines.join(""), /s3cret/);
  assert.match(lines.join(""), /\[secret\]/);
});

test("a person reads time, level, message and members on one line", () => {
  const { lines, logger } = collect("human");
  logger.warn({ endpoint: "GET /x", ms: 12 }, "slow");
  assert.match(lines[0] ?? "", /^\d\d:\d\d:\d\d warn {2}slow endpoint=GET \/x ms=12\n$/);
});

test("a person sees the stack of an error", () => {
  const { lines, logger } = collect("human");
  logger.error({ err: new Error("broken") }, "failed");
  assert.match(lines[0] ?? "", /error failed\nError: broken\n +at /);
});
