import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";

function problemsOf(input: unknown): readonly string[] {
  const parsed = parsePrices(input, "prices", { creditTypes: ["credits"] });
  return parsed.ok ? [] : parsed.problems.map(({ path, reason, fix }) => `${path}: ${reason}; ${fix}`);
}

const RESULT = { match: "POST /b", cost: 1, per: "result", count: { body: "/data" }, atMost: 100 };

describe("parsePrices, given prices that contradict each other", () => {
  const full = { body: "/mode", equals: "full" };
  const v2 = { query: "v", equals: 2 };
  const cases: [string, unknown[], string[]][] = [
    [
      "the same match and conditions",
      [
        { match: "GET /a", cost: 1, when: [full, v2] },
        { match: "GET /a", cost: 2, when: [v2, full] },
      ],
      ["prices[1]: has the match and conditions of prices[0]; remove one of the two"],
    ],
    [
      "the same match without conditions",
      [
        { match: "GET /a", cost: 1 },
        { match: "GET /b", cost: 1 },
        { match: "GET /a", free: true },
      ],
      ["prices[2]: has the match and conditions of prices[0]; remove one of the two"],
    ],
    [
      "a price behind one without conditions",
      [
        { match: "GET /a", cost: 1 },
        { match: "GET /a", cost: 2, when: full },
      ],
      [
        "prices[1]: never applies: prices[0] has no conditions and comes first; put the price without conditions last",
      ],
    ],
    [
      "prices behind ones whose conditions hold wherever theirs do",
      [
        { match: "POST /mcp", tool: "*", cost: 10 },
        { match: "POST /mcp", tool: ["a", "b"], cost: 2 },
        { match: "GET /a", when: { body: "/mode", oneOf: ["full", "deep"] }, cost: 1 },
        { match: "GET /a", plan: "growth", when: [v2, full], cost: 2 },
        { match: "GET /b", when: { body: "/mode", empty: false }, cost: 1 },
        { match: "GET /b", when: full, cost: 2 },
      ],
      [
        "prices[1]: never applies: the conditions of prices[0] hold wherever its own do, and it comes first; put it before prices[0]",
        "prices[3]: never applies: the conditions of prices[2] hold wherever its own do, and it comes first; put it before prices[2]",
        "prices[5]: never applies: the conditions of prices[4] hold wherever its own do, and it comes first; put it before prices[4]",
      ],
    ],
    [
      "conditions of one price that contradict one another, wherever they stand",
      [
        { match: "POST /a", cost: 1, when: [full, { body: "/mode", equals: "lite" }] },
        {
          match: "POST /b",
          cost: 1,
          where: [
            { body: "/ok", exists: false },
            { body: "/ok", equals: true },
          ],
        },
        {
          ...RESULT,
          match: "POST /c",
          count: {
            body: "/d",
            where: [
              { body: "", from: 9 },
              { body: "", to: 1 },
            ],
          },
        },
        { match: "POST /d", cost: 1, plus: [{ cost: 1, when: { query: "q", default: 1, exists: false } }] },
        { match: "POST /mcp", tool: "a", cost: 1, when: { body: "/method", equals: "ping" } },
      ],
      [
        "prices[0].when: body /mode",
        "prices[1].where: body /ok",
        "prices[2].count.where: body ",
        "prices[3].plus[0].when: query q",
        "prices[4].when: body /method",
      ].map((place) => {
        const [path, name] = place.split(": ");
        return `${path}: never holds: what is asked of ${name} cannot all be; keep one of the conditions on it; oneOf names several values, default one for a missing field`;
      }),
    ],
    [
      "no more than that: other fields, defaults, plans and values may differ",
      [
        { match: "POST /mcp", tool: ["a", "b"], cost: 2 },
        { match: "POST /mcp", tool: "*", cost: 10 },
        { match: "GET /a", plan: "growth", when: { body: "/mode", exists: true }, cost: 1 },
        { match: "GET /a", when: full, cost: 2 },
        { match: "GET /b", when: { body: "/mode", exists: false }, cost: 1 },
        { match: "GET /b", when: full, cost: 2 },
        { match: "GET /c", when: { body: "/mode", equals: "full", default: "full" }, cost: 1 },
        { match: "GET /c", when: full, cost: 2 },
        { match: "GET /d", when: { body: "/mode", oneOf: ["full", "deep"] }, cost: 1 },
        { match: "GET /d", when: { body: "/mode", oneOf: ["full", "lite"] }, cost: 2 },
      ],
      [],
    ],
    [
      "one place under two names",
      [
        { match: "GET /a/{x}", cost: 1 },
        { match: "GET /A/{y}", cost: 2 },
      ],
      [
        'prices[1].match: matches the same requests as "GET /a/{x}" of prices[0]; write both the same way: the match is the endpoint\'s name in reports',
      ],
    ],
    [
      "conditions first, then without",
      [
        { match: "GET /a", cost: 1, when: full },
        { match: "GET /a", cost: 2, when: v2 },
        { match: "GET /a", cost: 3 },
      ],
      [],
    ],
  ];
  for (const [what, prices, problems] of cases) {
    it(what, () => assert.deepEqual(problemsOf(prices), problems));
  }
});

describe("numbers with more digits than are read", () => {
  const when = { query: "id", equals: Number("12345678901234567890") };
  const price = { match: "GET /a", credit: "credits", cost: 1, when };

  it("are refused in new lists, which may have lost some on their way", () => {
    assert.deepEqual(problemsOf([price]), [
      "prices[0].when.equals: 12345678901234567000 has more digits than a number holds for sure; write it in quotes: in a JSON body too only a text has so many digits",
    ]);
    assert.deepEqual(problemsOf([{ ...price, when: { ...when, equals: "12345678901234567890" } }]), []);
    // Where it is wrong anyway that is told alone.
    assert.deepEqual(problemsOf([{ match: "GET /a", cost: 0.1 + 0.2 }]).length, 1);
  });

  it("are read and priced as before where they were published", () => {
    const stored = JSON.parse(priceListText({ prices: [], unpriced: "free" })) as object;
    const read = parsePriceList({ ...stored, prices: [price] }, 7);
    assert.ok(read.ok);
    assert.deepEqual(read.value.prices[0]?.when, [when]);
    assert.ok(parsePriceList(JSON.parse(priceListText(read.value)), 7).ok);
  });
});
