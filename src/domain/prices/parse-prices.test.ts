import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parsePrices } from "./parse-prices.ts";
import type { Price } from "./price.ts";

const ONE_TYPE = { creditTypes: ["credits"] };
const TWO_TYPES = { creditTypes: ["search", "collect"] };

function accepted(input: unknown, options = ONE_TYPE): readonly Price[] {
  const parsed = parsePrices(input, "prices", options);
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  return parsed.ok ? parsed.value : [];
}

const RESULT = { match: "POST /b", cost: 1, per: "result", count: { body: "/data" }, atMost: 100 };

describe("parsePrices", () => {
  it("fills every default in", () => {
    assert.deepEqual(accepted([{ match: "GET /v1/leads", cost: 10 }]), [
      {
        endpoint: "GET /v1/leads",
        cost: 10_000_000n,
        free: false,
        creditType: "credits",
        per: "request",
        count: undefined,
        atMost: undefined,
        on: "success",
        when: [],
        once: undefined,
        uncounted: 10_000_000n,
        bodies: [],
        unreadable: "refuse",
        head: "charged",
        decide: "request",
        detached: "finish",
      },
    ]);
  });

  it("reads every field", () => {
    assert.deepEqual(
      accepted(
        [
          {
            match: "* /v1/{kind}",
            when: [
              { body: "/mode", equals: "full" },
              { query: "v", oneOf: [1, "2"] },
              { path: "kind", exists: true },
            ],
            cost: "0.03",
            credit: "collect",
            per: "result",
            count: { header: "X-Result-Count" },
            atMost: { body: "/page_size", default: 100, max: 500 },
            uncounted: 0,
            on: [404, 200, 200],
            once: { key: { header: "X-Client-IP" }, within: "24h" },
            bodies: ["json", "form", "text/json", "json"],
            unreadable: "dearest",
            head: "free",
            decide: "answer",
            detached: "abandon",
          },
        ],
        TWO_TYPES,
      ),
      [
        {
          endpoint: "* /v1/{kind}",
          cost: 30_000n,
          free: false,
          creditType: "collect",
          per: "result",
          count: { header: "x-result-count" },
          atMost: { field: { body: "/page_size" }, default: 100, max: 500 },
          on: [200, 404],
          when: [
            { body: "/mode", equals: "full" },
            { query: "v", oneOf: [1, "2"] },
            { path: "kind", exists: true },
          ],
          once: { field: { header: "x-client-ip" }, withinSeconds: 86_400 },
          uncounted: 0n,
          bodies: ["json", "form", "text/json"],
          unreadable: "dearest",
          head: "free",
          decide: "answer",
          detached: "abandon",
        },
      ],
    );
  });

  it("reads the short forms", () => {
    const [price] = accepted([
      { ...RESULT, when: { body: "/q", exists: false }, on: 200, once: { key: "/ip", within: "15m" } },
    ]);
    assert.deepEqual(price?.when, [{ body: "/q", exists: false }]);
    assert.deepEqual(price?.on, [200]);
    assert.deepEqual(price?.atMost, { field: undefined, default: 100, max: 100 });
    assert.deepEqual(price?.once, { field: { body: "/ip" }, withinSeconds: 900 });
    assert.equal(price?.uncounted, 1_000_000n);
    const [bound] = accepted([{ ...RESULT, atMost: { query: "size", max: 50 } }]);
    assert.deepEqual(bound?.atMost, { field: { query: "size" }, default: 50, max: 50 });
  });

  it("needs no bound for what is decided on the answer", () => {
    const { atMost: _atMost, ...unbounded } = RESULT;
    const [price] = accepted([{ ...unbounded, decide: "answer" }]);
    assert.deepEqual([price?.decide, price?.atMost], ["answer", undefined]);
    const [bounded] = accepted([{ ...RESULT, decide: "answer" }]);
    assert.equal(bounded?.atMost?.max, 100);
  });

  it("takes a list that is left out as empty", () => {
    assert.deepEqual(accepted(undefined), []);
    assert.deepEqual(accepted([]), []);
  });

  it("reads the sketch of four providers", () => {
    accepted(
      [
        { match: "POST /v2/company_multi_source/search/{kind}", cost: 2, credit: "search", on: 200 },
        { match: "GET /v2/company_clean/collect/{id}", cost: 1, credit: "collect", on: 200 },
      ],
      TWO_TYPES,
    );
    accepted([
      { ...RESULT, match: "POST /v1/businesses", atMost: { body: "/page_size", default: 100, max: 500 } },
      { match: "GET /v1/ip-lookup", cost: 10, on: "processed" },
      { match: "GET /user/credits", free: true },
      { match: "POST /v1/track", when: { body: "/type", equals: "form" }, free: true },
      { match: "POST /v1/track", cost: 1, once: { key: "/ip", within: "24h" } },
    ]);
  });

  it("gives prices or problems for any data, and never throws", () => {
    const names = fc.constantFrom(
      "match",
      "cost",
      "per",
      "when",
      "count",
      "atMost",
      "on",
      "once",
      "free",
      "body",
      "x",
    );
    const anything = fc.dictionary(
      names,
      fc.oneof(fc.anything({ maxDepth: 2 }), fc.constant("GET /a"), fc.constant("result")),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.anything(), anything), { maxLength: 4 }), (input) => {
        const parsed = parsePrices(input, "prices", ONE_TYPE);
        if (!parsed.ok) {
          assert.ok(parsed.problems.length > 0);
          for (const problem of parsed.problems)
            assert.ok(problem.path.startsWith("prices") && problem.fix !== "");
        }
      }),
    );
  });
});
