import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FareboxError } from "../farebox-error.ts";
import { type MatchPattern, parseMatchPattern } from "./match-pattern.ts";
import { RouteTable, type RouteTableOptions } from "./route-table.ts";

const PRICES = { exact: false, headAsGet: false };
const LIMITS = { exact: false, headAsGet: true };
const OPEN = { exact: true, headAsGet: true };

function pattern(text: string): MatchPattern {
  const parsed = parseMatchPattern(text, "match", []);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

function table(texts: readonly string[], options: RouteTableOptions) {
  return new RouteTable(
    texts.map((text) => [pattern(text), text]),
    options,
  );
}

describe("RouteTable", () => {
  describe("prefers a literal, then a parameter, then the wildcard", () => {
    const routes = table(
      ["GET /v1/leads", "GET /v1/leads/export", "GET /v1/{kind}", "GET /v1/*", "GET /v1/{kind}/all", "GET /"],
      PRICES,
    );
    const cases: [string, string | undefined][] = [
      ["/v1/leads", "GET /v1/leads"],
      ["/v1/leads/export", "GET /v1/leads/export"],
      ["/v1/lead", "GET /v1/{kind}"],
      ["/v1/leadss", "GET /v1/{kind}"],
      ["/v1/leads/all", "GET /v1/{kind}/all"],
      ["/v1/leads/other", "GET /v1/*"],
      ["/v1/a/b/c", "GET /v1/*"],
      ["/v1", undefined],
      ["/v1/", undefined],
      ["/", "GET /"],
      ["/v2", undefined],
    ];
    for (const [path, found] of cases) {
      it(path, () => assert.equal(routes.find("GET", path)?.value, found));
    }
  });

  describe("with methods", () => {
    const texts = ["GET /a", "* /a", "* /b/{id}", "GET /b/*", "HEAD /h", "OPTIONS /o", "* /o"];
    const cases: [RouteTableOptions, string, string, string | undefined][] = [
      [PRICES, "GET", "/a", "GET /a"],
      [PRICES, "POST", "/a", "* /a"],
      [PRICES, "MADEUP", "/a", "* /a"],
      // The more specific path wins over the more specific method.
      [PRICES, "GET", "/b/1", "* /b/{id}"],
      [PRICES, "GET", "/b/1/2", "GET /b/*"],
      [PRICES, "HEAD", "/a", undefined],
      [PRICES, "HEAD", "/h", "HEAD /h"],
      [LIMITS, "HEAD", "/a", "GET /a"],
      [LIMITS, "HEAD", "/b/1", "* /b/{id}"],
      [LIMITS, "HEAD", "/h", "HEAD /h"],
      [LIMITS, "OPTIONS", "/a", undefined],
      [LIMITS, "OPTIONS", "/o", "OPTIONS /o"],
      [PRICES, "get", "/h", undefined],
    ];
    for (const [options, method, path, found] of cases) {
      it(`${method} ${path}, HEAD ${options.headAsGet ? "as GET" : "only if listed"}`, () => {
        assert.equal(table(texts, options).find(method, path)?.value, found);
      });
    }

    it("lets HEAD find what GET finds when no pattern names HEAD", () => {
      assert.equal(table(["GET /a"], LIMITS).find("HEAD", "/a")?.value, "GET /a");
      assert.equal(table(["*"], LIMITS).find("HEAD", "/a")?.value, "*");
      assert.equal(table(["*"], PRICES).find("HEAD", "/a"), undefined);
    });
  });

  describe("cannot be dodged by another spelling of the path", () => {
    const routes = table(["GET /v1/ip-lookup", "GET /v1/collect/{id}", "GET /v1/models:list"], PRICES);
    for (const path of [
      "/v1/ip-lookup/",
      "/V1/IP-Lookup",
      "/v1//ip-lookup",
      "//v1/ip-lookup",
      "/v1/%69p-lookup",
      "/v1/ip%2Dlookup",
      "/v1/ip%2dlookup",
      "/v1/ip-lookup;jsessionid=1",
      "/v1;x/ip-lookup",
    ]) {
      it(path, () => assert.equal(routes.find("GET", path)?.value, "GET /v1/ip-lookup"));
    }
    for (const id of [
      "%FF",
      "%",
      "%zz",
      "a%3Fb",
      "a?b",
      "a#b",
      "a%23b",
      "*",
      ":id",
      "a".repeat(100_000),
      "%2F",
    ]) {
      it(`/v1/collect/${id.slice(0, 10)}`, () => {
        assert.equal(routes.find("GET", `/v1/collect/${id}`)?.value, "GET /v1/collect/{id}");
      });
    }
    it("/v1/models%3Alist", () => {
      assert.equal(routes.find("GET", "/v1/models%3Alist")?.value, "GET /v1/models:list");
    });
  });

  it("decodes once: what is encoded twice is another path", () => {
    const routes = table(["GET /v1/ip-lookup", "GET /v1/{any}"], PRICES);
    const match = routes.find("GET", "/v1/%2569p-lookup");
    assert.equal(match?.value, "GET /v1/{any}");
    assert.deepEqual(match?.pathParams, { any: "%69p-lookup" });
  });

  it("gives parameters decoded once, letter case kept", () => {
    const routes = table(["GET /v1/{constructor}/x/{Id}"], PRICES);
    assert.deepEqual(routes.find("GET", "/V1//A%2Fb/X/%E2%82%AC%25;v=1/")?.pathParams, {
      constructor: "A/b",
      Id: "\u20ac%;v=1",
    });
  });

  it("keeps what is no percent-encoded text as it is", () => {
    const routes = table(["GET /{a}/x"], PRICES);
    for (const text of ["%FF", "%", "%zz%20"])
      assert.deepEqual(routes.find("GET", `/${text}/x`)?.pathParams, { a: text });
  });

  it("finds nothing for what is no path", () => {
    const routes = table(["*"], PRICES);
    for (const path of ["", "*", "http://host/v1", "v1"])
      assert.equal(routes.find("GET", path), undefined, path);
  });

  describe("exact", () => {
    const routes = table(["GET /health", "GET /docs/", "GET /docs/*", "GET /u/{id}", "GET /%7Ea"], OPEN);
    const cases: [string, string | undefined][] = [
      ["/health", "GET /health"],
      ["/Health", undefined],
      ["/health/", undefined],
      ["/%68ealth", undefined],
      ["/health;x", undefined],
      ["//health", undefined],
      ["/docs/", "GET /docs/"],
      ["/docs", undefined],
      ["/docs/a/b", "GET /docs/*"],
      ["/docs/a/", "GET /docs/*"],
      ["/docs//a", undefined],
      ["/Docs/a", undefined],
      ["/u/A", "GET /u/{id}"],
      ["/u/", undefined],
      ["/%7Ea", "GET /%7Ea"],
      ["/~a", undefined],
    ];
    for (const [path, found] of cases) {
      it(path, () => assert.equal(routes.find("GET", path)?.value, found));
    }
  });

  it("refuses two patterns for the same requests", () => {
    const conflict = (error: unknown) => error instanceof FareboxError && error.code === "route_conflict";
    for (const [one, other] of [
      ["GET /a/{x}", "GET /a/{y}"],
      ["GET /a", "GET /A/"],
      ["GET /a-b", "GET /a%2Db"],
    ] as const) {
      assert.throws(() => table([one, other], PRICES), conflict, `${one} and ${other}`);
    }
    assert.doesNotThrow(() => table(["GET /a", "GET /A", "GET /a/"], OPEN));
  });

  it("agrees with a plain search by segments", () => {
    const segment = fc.constantFrom("a", "b", "ab", "abc", "{p}", "{q}");
    const route = fc
      .tuple(fc.constantFrom("GET", "POST", "*"), fc.array(segment, { maxLength: 3 }), fc.boolean())
      .filter(([, segments]) => new Set(params(segments)).size === params(segments).length)
      .map(([method, segments, wild]) => `${method} /${[...segments, ...(wild ? ["*"] : [])].join("/")}`);
    const path = fc
      .array(fc.constantFrom("a", "b", "ab", "abc", "abcd", "x"), { maxLength: 4 })
      .map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(
        fc.uniqueArray(route, { maxLength: 12, selector: (text) => text.replaceAll(/\{.\}/g, "{}") }),
        fc.constantFrom("GET", "POST", "PUT"),
        path,
        (texts, method, target) => {
          assert.equal(table(texts, PRICES).find(method, target)?.value, plainSearch(texts, method, target));
        },
      ),
      { numRuns: 500 },
    );
  });
});

function params(segments: readonly string[]): readonly string[] {
  return segments.filter((segment) => segment.startsWith("{"));
}

/** The rule as the documentation states it: among the patterns that match, compare segment by segment, then by method. */
function plainSearch(texts: readonly string[], method: string, path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const ranked = texts.flatMap((text) => {
    const [wanted = "", route = ""] = text.split(" ");
    if (wanted !== "*" && wanted !== method) return [];
    const rank = rankOf(
      route.split("/").filter((part) => part !== ""),
      parts,
    );
    return rank === undefined ? [] : [{ text, rank: rank + (wanted === "*" ? "1" : "0") }];
  });
  return ranked.sort((one, other) => (one.rank < other.rank ? -1 : 1))[0]?.text;
}

/** One digit a segment: 0 literal, 1 parameter, 2 wildcard. `undefined` when the pattern does not match. */
function rankOf(route: readonly string[], parts: readonly string[]): string | undefined {
  let rank = "";
  for (const [index, segment] of route.entries()) {
    if (segment === "*") return parts.length > index || route.length === 1 ? `${rank}2` : undefined;
    if (parts[index] === undefined) return undefined;
    if (!segment.startsWith("{") && segment !== parts[index]) return undefined;
    rank += segment.startsWith("{") ? "1" : "0";
  }
  return parts.length === route.length ? rank : undefined;
}
