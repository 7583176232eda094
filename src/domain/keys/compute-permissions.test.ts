import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parsePrices } from "../prices/parse-prices.ts";
import type { PriceList } from "../prices/price.ts";
import { buildPriceTable } from "../prices/price-table.ts";
import { computePermissions } from "./compute-permissions.ts";
import { KeyScopes } from "./key-scopes.ts";

function listOf(endpoints: readonly string[], unpriced: PriceList["unpriced"] = "free"): PriceList {
  const prices = endpoints.map((match) => ({ match, cost: 1 }));
  const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok, parsed.ok ? "" : JSON.stringify(parsed.problems));
  return { version: 1, prices: parsed.value, unpriced };
}

function permittedOf(endpoints: readonly string[], scopes: readonly string[] | null): string[] {
  const { endpoints: judged, unpriced } = computePermissions(buildPriceTable(listOf(endpoints)), scopes);
  return [...judged.map(({ permitted }) => permitted), unpriced.permitted];
}

describe("computePermissions", () => {
  const cases: readonly [string, readonly string[], readonly string[] | null, readonly string[]][] = [
    ["no scopes: everything", ["GET /a", "* /b/*"], null, ["all", "all", "all"]],
    ["the same text", ["GET /a", "POST /a"], ["GET /a"], ["all", "none", "none"]],
    ["a scope for any method", ["GET /a", "POST /a"], ["* /a"], ["all", "all", "some"]],
    ["an endpoint for any method", ["* /a"], ["GET /a"], ["some", "none"]],
    ["a scope narrower than a parameter", ["GET /leads/{id}"], ["GET /leads/7"], ["some", "none"]],
    ["a scope wider than a parameter", ["GET /leads/{id}"], ["GET /leads/*"], ["all", "some"]],
    ["two parameters", ["GET /{a}/x"], ["GET /y/{b}"], ["some", "some"]],
    ["a shorter wildcard", ["GET /leads/{id}/notes/*"], ["* /leads/*"], ["all", "some"]],
    ["a longer wildcard", ["GET /leads/*"], ["GET /leads/{id}/notes/*"], ["some", "none"]],
    [
      "only where a more specific endpoint is",
      ["GET /a/*", "GET /a/b"],
      ["GET /a/b"],
      ["none", "all", "none"],
    ],
    [
      "all but where a more specific endpoint is",
      ["GET /a/{x}", "GET /a/b"],
      ["GET /a/{y}"],
      ["all", "all", "none"],
    ],
    ["everything", ["* /*"], ["*"], ["all", "all"]],
    ["the root", ["GET /"], ["GET /*"], ["all", "some"]],
    ["however it is written", ["GET /a%20B/"], ["GET /A%20b"], ["all", "none"]],
    ["HEAD with a price goes with GET", ["HEAD /a"], ["GET /a"], ["all", "some"]],
    ["several scopes cover it together", ["GET /a/{x}"], ["GET /a/b", "GET /a/{y}"], ["all", "none"]],
  ];
  for (const [title, endpoints, scopes, expected] of cases) {
    it(title, () => assert.deepEqual(permittedOf(endpoints, scopes), expected));
  }

  it("tells the policy and all prices of an endpoint", () => {
    const permissions = computePermissions(buildPriceTable(listOf(["GET /a", "GET /b"], "refuse")), [
      "GET /b",
    ]);
    assert.equal(permissions.unpriced.policy, "refuse");
    assert.deepEqual(
      permissions.endpoints.map(({ endpoint, prices }) => [endpoint, prices.length]),
      [
        ["GET /a", 1],
        ["GET /b", 1],
      ],
    );
  });

  it("agrees with every request of a small world", () => {
    const segments = ["a", "b", "c"];
    const literal = fc.constantFrom("a", "b", "{p}", "{q}");
    const pattern = fc
      .record({
        method: fc.constantFrom("GET", "POST", "*"),
        parts: fc.uniqueArray(literal, { maxLength: 3 }),
        wild: fc.boolean(),
      })
      .map(({ method, parts, wild }) => `${method} /${[...parts, ...(wild ? ["*"] : [])].join("/")}`);
    const paths = ["/"];
    for (let first = 0; first < paths.length; first += 1) {
      const path = paths[first] ?? "";
      if (path.split("/").length > 4) continue;
      for (const segment of segments) paths.push(`${path === "/" ? "" : path}/${segment}`);
    }
    fc.assert(
      fc.property(
        fc.uniqueArray(pattern, {
          minLength: 1,
          maxLength: 4,
          selector: (text) => text.replace(/\{.\}/g, "{}"),
        }),
        fc.array(pattern, { minLength: 1, maxLength: 3 }),
        (endpoints, scopes) => {
          const table = buildPriceTable(listOf(endpoints));
          const allowed = new KeyScopes(scopes);
          const seen = new Map<string | undefined, Set<boolean>>();
          for (const path of paths) {
            for (const method of ["GET", "POST", "PUT"]) {
              const endpoint = table.find(method, path)?.endpoint;
              const answers = seen.get(endpoint) ?? new Set();
              seen.set(endpoint, answers.add(allowed.permits(method, path)));
            }
          }
          const expected = (endpoint: string | undefined): string => {
            const answers = seen.get(endpoint) ?? new Set();
            if (answers.size === 2) return "some";
            return answers.has(false) ? "none" : "all";
          };
          const found = computePermissions(table, scopes);
          for (const { endpoint, permitted } of found.endpoints) {
            assert.equal(
              permitted,
              expected(endpoint),
              `${endpoint} of ${endpoints.join()} in ${scopes.join()}`,
            );
          }
          assert.equal(
            found.unpriced.permitted,
            expected(undefined),
            `unpriced of ${endpoints.join()} in ${scopes.join()}`,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
