import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseMatchPattern } from "../routes/match-pattern.ts";
import { RouteTable } from "../routes/route-table.ts";
import { KeyScopes } from "./key-scopes.ts";

describe("KeyScopes", () => {
  const scopes = new KeyScopes([
    "GET /v1/leads",
    "POST /v1/leads/{id}/notes",
    "* /v1/exports/*",
    "HEAD /v1/files",
    "GET /a%20b/caf\u00e9",
  ]);
  const cases: readonly [string, string, boolean][] = [
    ["GET", "/v1/leads", true],
    ["HEAD", "/v1/leads", true],
    ["POST", "/v1/leads", false],
    ["GET", "/v1/LEADS/", true],
    ["GET", "/v1/%6ceads", true],
    ["GET", "/v1/leads;x=1", true],
    ["GET", "/v1/leads/1", false],
    ["GET", "/v1/leadsx", false],
    ["GET", "/v1", false],
    ["POST", "/v1/leads/7/notes", true],
    ["POST", "/v1/leads/7%2F8/notes", true],
    ["POST", "/v1/leads/7/8/notes", false],
    ["POST", "/v1/leads//notes", false],
    ["GET", "/v1/exports", false],
    ["GET", "/v1/exports/", false],
    ["DELETE", "/v1/exports/1/rows/2", true],
    ["MADEUP", "/v1/exports/1", true],
    ["OPTIONS", "/v1/exports/1", false],
    ["HEAD", "/v1/files", true],
    ["GET", "/v1/files", false],
    ["GET", "/a%20b/caf%C3%A9", true],
    ["GET", "*", false],
    ["GET", "", false],
  ];
  for (const [method, path, permitted] of cases) {
    it(`${permitted ? "permits" : "refuses"} ${method} ${path}`, () =>
      assert.equal(scopes.permits(method, path), permitted));
  }

  it("permits everything but OPTIONS with *", () => {
    const all = new KeyScopes(["*"]);
    assert.deepEqual(
      [all.permits("GET", "/"), all.permits("PUT", "/a/b"), all.permits("OPTIONS", "/a")],
      [true, true, false],
    );
  });

  it("permits nothing for what is not a pattern", () => {
    assert.equal(new KeyScopes(["GET v1", "/v1"]).permits("GET", "/v1"), false);
  });

  it("agrees with how prices and limits match", () => {
    const segment = fc.constantFrom("a", "B", "%61", "b c", "%2F", "é", "a;x", "", "x*", ":id", "1");
    const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
    const literal = fc.constantFrom("a", "b", "%61", "%2F", "\u00e9", "a;x", "1", "{p}", "{q}");
    const method = fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "QUERY");
    const pattern = fc
      .record({
        method: fc.oneof(method, fc.constant("*")),
        parts: fc.uniqueArray(literal, { maxLength: 3 }),
        end: fc.constantFrom("", "/*", "/"),
      })
      .map(
        ({ method: verb, parts, end }) =>
          `${verb} /${parts.join("/")}${parts.length === 0 ? end.slice(1) : end}`,
      );
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), method, path, (texts, verb, where) => {
        const expected = texts.some((text) => {
          const parsed = parseMatchPattern(text, "", []);
          assert.ok(parsed, text);
          const table = new RouteTable([[parsed, true]], { exact: false, headAsGet: true });
          return table.find(verb, where) !== undefined;
        });
        assert.equal(new KeyScopes(texts).permits(verb, where), expected, `${texts.join()} ${verb} ${where}`);
      }),
      { numRuns: 2000 },
    );
  });
});
