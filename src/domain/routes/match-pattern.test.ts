import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Problem } from "../problem.ts";
import { parseMatchPattern } from "./match-pattern.ts";

function parse(input: unknown) {
  const problems: Problem[] = [];
  return { pattern: parseMatchPattern(input, "match", problems), problems };
}

describe("parseMatchPattern", () => {
  it("reads method, literals, parameters and the wildcard", () => {
    const { pattern, problems } = parse("POST /v2/company_multi_source/{kind}/*");
    assert.deepEqual(problems, []);
    assert.deepEqual(pattern, {
      text: "POST /v2/company_multi_source/{kind}/*",
      method: "POST",
      segments: [{ literal: "v2" }, { literal: "company_multi_source" }, { param: "kind" }],
      wildcard: true,
      trailingSlash: false,
    });
  });

  for (const text of [
    "GET /",
    "* /*",
    "*",
    "GET /v1/leads/",
    "GET /v1/models:list",
    "GET /caf\u00e9/%C3%A9",
    "DELETE /a.b/~c/(d)",
    "HEAD /v1/leads",
  ]) {
    it(`accepts ${text}`, () => {
      const { pattern, problems } = parse(text);
      assert.deepEqual(problems, []);
      assert.equal(pattern?.text, text);
    });
  }

  const refused: [unknown, RegExp][] = [
    [undefined, /write a method and a path/],
    [12, /write a method and a path/],
    ["/v1/leads", /GET \/v1\/leads/],
    ["GET", /GET \/v1\/leads/],
    ["GET  /v1", /GET \/v1\/leads/],
    ["get /v1", /did you mean GET/],
    ["PSOT /v1", /did you mean POST/],
    ["CONNECT /v1", /the methods are/],
    ["GET v1/leads", /write "\/v1\/leads"/],
    ["GET /v1/leads?x=1", /conditions on the query/],
    ["GET /v1//leads", /one slash/],
    ["GET //v1", /one slash/],
    ["GET /v1//", /one slash/],
    ["GET /v1/../leads", /without it/],
    ["GET /v1/:id", /write \{id\}/],
    ["GET /v1/{id}.json", /one whole segment/],
    ["GET /v1/{id", /one whole segment/],
    ["GET /v1/{}", /one whole segment/],
    ["GET /v1/{__proto__}", /one whole segment/],
    ["GET /{a}/{a}", /its own name/],
    ["GET /v1/*/x", /only a whole last segment/],
    ["GET /v1/x*", /only a whole last segment/],
    ["GET /v1/a\\b", /percent-encode/],
    ["GET /v1/%zz", /percent-encode/],
    [`GET /${"a".repeat(1000)}`, /shorten/],
  ];
  for (const [input, fix] of refused) {
    it(`refuses ${String(input).slice(0, 40)}`, () => {
      const { pattern, problems } = parse(input);
      assert.equal(pattern, undefined);
      assert.equal(problems.length, 1);
      assert.equal(problems[0]?.path, "match");
      assert.match(problems[0]?.fix ?? "", fix);
    });
  }

  it("gives a pattern or one problem for any text, and never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `GET /${text}`),
        ),
        (text) => {
          const { pattern, problems } = parse(text);
          assert.equal(problems.length, pattern === undefined ? 1 : 0);
        },
      ),
    );
  });
});
