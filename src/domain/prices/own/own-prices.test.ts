import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Problem } from "../../problem.ts";
import { parsePrices } from "../parse-prices.ts";
import type { Price } from "../price.ts";
import { computePriceDifference } from "../price-difference.ts";
import { parsePriceList, priceListText } from "../price-list-json.ts";
import { PriceSimulation } from "../price-simulation.ts";
import { buildPriceTable } from "../price-table.ts";
import { describePrices } from "../price-text.ts";
import { listFor } from "./own-prices.ts";
import { scheduleFor } from "./own-schedule.ts";

const OPTIONS = { creditTypes: ["credits"], plans: ["growth", "scale"] };

function parse(written: unknown): readonly Price[] {
  const parsed = parsePrices(written, "prices", OPTIONS);
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  return parsed.ok ? parsed.value : [];
}

function problemsOf(written: unknown): readonly Problem[] {
  const parsed = parsePrices(written, "prices", OPTIONS);
  return parsed.ok ? [] : parsed.problems;
}

const SEARCH = [
  { match: "POST /search", plan: "scale", free: true },
  { match: "POST /search", plan: ["scale", "growth"], when: { body: "/deep", equals: true }, cost: 4 },
  { match: "POST /search", plan: "growth", cost: 1 },
  { match: "POST /search", when: { body: "/deep", equals: true }, cost: 10 },
  { match: "POST /search", cost: 2 },
  { match: "GET /beta", plan: "scale", cost: 3 },
  { match: "GET /*", cost: 7 },
];

describe("prices of plans", () => {
  it("are those of accounts on these plans; to all others it is as if they were not in the list", () => {
    const table = buildPriceTable({ version: 3, prices: parse(SEARCH.slice(2)), unpriced: "free" });
    const costs = (plan?: string): readonly (bigint | undefined)[] =>
      table
        .forAccount({ plan })
        .find("POST", "/search")
        ?.candidates.map(({ cost }) => cost) ?? [];
    assert.deepEqual(costs("growth"), [1_000_000n, 10_000_000n, 2_000_000n]);
    for (const plan of ["scale", "unheard-of", undefined])
      assert.deepEqual(costs(plan), [10_000_000n, 2_000_000n]);
    const beta = (plan?: string) => table.forAccount({ plan }).find("GET", "/beta");
    assert.deepEqual([beta("scale")?.endpoint, beta("growth")?.endpoint], ["GET /beta", "GET /*"]);
    assert.equal(table.forAccount({ plan: "scale" }), table.forAccount({ plan: "scale" }));
    assert.equal(
      table.forAccount({ plan: "growth" }).find("POST", "/search")?.candidates[0]?.plans,
      undefined,
    );
  });

  it("look into the request only for those whose prices do", () => {
    const prices = parse([
      { match: "POST /a", plan: "scale", when: { body: "/deep", equals: true }, cost: 4 },
      { match: "POST /a", cost: 2 },
    ]);
    const table = buildPriceTable({ version: 1, prices, unpriced: "free" });
    assert.equal(table.forAccount({}).find("POST", "/a")?.reads, undefined);
    assert.deepEqual(table.forAccount({ plan: "scale" }).find("POST", "/a")?.reads?.body?.pointers, [
      "/deep",
    ]);
  });

  it("cost a list without them no table of its own", () => {
    const table = buildPriceTable({
      version: 1,
      prices: parse([{ match: "GET /a", cost: 1 }]),
      unpriced: "free",
    });
    assert.equal(table.forAccount({ plan: "growth" }), table);
  });

  it("are written and read again; only a list that has them needs the newer language", () => {
    for (const [written, language] of [
      [SEARCH.slice(1), 3],
      [[{ match: "GET /a", cost: 1 }], 2],
    ] as const) {
      const list = { prices: parse(written), unpriced: "refuse" as const };
      const stored = JSON.parse(priceListText(list));
      assert.equal(stored.language, language);
      assert.deepEqual(parsePriceList(stored, 4), { ok: true, value: { version: 4, ...list } });
    }
  });

  it("are described with their plans", () => {
    assert.equal(
      describePrices(parse(SEARCH.slice(1, 5)), "free"),
      [
        "- on plans `growth` or `scale`, when `/deep` of the body is `true`: 4 credits per request, charged when successful",
        "- on plan `growth`: 1 credit per request, charged when successful",
        "- when `/deep` of the body is `true`: 10 credits per request, charged when successful",
        "- otherwise: 2 credits per request, charged when successful",
      ].join("\n"),
    );
    assert.equal(describePrices(parse(SEARCH.slice(5, 6)), "refused").split("\n")[1], "- otherwise: refused");
  });

  it("are told apart by their plans in a difference", () => {
    const list = (cost: number) => ({
      prices: parse([
        { match: "GET /a", plan: "growth", cost },
        { match: "GET /a", cost: 5 },
      ]),
      unpriced: "free" as const,
    });
    assert.deepEqual(computePriceDifference(list(1), list(2)).changed, [
      { endpoint: "GET /a", plans: ["growth"], when: [], members: [{ member: "cost", from: 1, to: 2 }] },
    ]);
  });

  it("are refused where they name no plan, come twice, or never apply", () => {
    assert.deepEqual(problemsOf([{ match: "GET /a", plan: "growht", cost: 1 }]), [
      { path: "prices[0].plan", reason: 'there is no plan "growht"', fix: "did you mean growth?" },
    ]);
    assert.equal(
      problemsOf([{ match: "GET /a", plan: ["growth", "x"], cost: 1 }])[0]?.path,
      "prices[0].plan[1]",
    );
    for (const plan of [[], 3, "", { name: "growth" }])
      assert.equal(problemsOf([{ match: "GET /a", plan, cost: 1 }])[0]?.path, "prices[0].plan");
    const growth = { match: "GET /a", plan: "growth", cost: 1 };
    assert.match(
      problemsOf([growth, growth])[0]?.reason ?? "",
      /the match, plans and conditions of prices\[0\]/,
    );
    const scale = { match: "GET /a", plan: "scale", cost: 1 };
    const deep = { match: "GET /a", when: { query: "deep", exists: true }, cost: 1 };
    assert.match(
      problemsOf([growth, scale, { ...deep, plan: ["growth", "scale"] }])[0]?.reason ?? "",
      /never applies/,
    );
    assert.match(problemsOf([{ match: "GET /a", cost: 1 }, growth])[0]?.reason ?? "", /never applies/);
    assert.deepEqual(problemsOf([growth, { ...deep, plan: ["growth", "scale"] }, scale, deep]), []);
  });

  it("are simulated by the plan that each account has", () => {
    const before = {
      version: 1,
      prices: parse([{ match: "POST /search", cost: 2 }]),
      unpriced: "free" as const,
    };
    const after = {
      version: 2,
      prices: parse([
        { match: "POST /search", plan: "growth", cost: 1 },
        { match: "POST /search", cost: 3 },
      ]),
      unpriced: "free" as const,
    };
    const simulation = new PriceSimulation(after);
    const group = {
      endpoint: "POST /search",
      creditType: "credits",
      status: 200,
      units: 1,
      amount: 2_000_000n,
    };
    const sums = { charges: 10, uncollected: 0n, refunded: 0n, isRefundedWhole: false };
    simulation.add({ account: "acc_1", ...group, ...sums }, before, { plan: "growth" });
    simulation.add({ account: "acc_2", ...group, ...sums }, before);
    assert.deepEqual(
      simulation.result().lines.map(({ account, least, most }) => [account, least, most]),
      [
        ["acc_1", 10_000_000n, 10_000_000n],
        ["acc_2", 30_000_000n, 30_000_000n],
      ],
    );
    assert.deepEqual(simulation.result().doubts, []);
  });
});

const list = (version: number, written: unknown) => ({
  version,
  prices: parse(written),
  unpriced: "free" as const,
});

describe("an account's own prices", () => {
  const shared = list(3, [
    { match: "POST /search", cost: 2 },
    { match: "GET /leads/{id}", when: { path: "id", equals: "me" }, free: true },
    { match: "GET /leads/{id}", cost: 5 },
    { match: "GET /files/{name}", plan: "scale", cost: 9 },
    { match: "* /*", cost: 7 },
  ]);
  const own = list(8, [
    { match: "POST /search", when: { body: "/deep", exists: false }, cost: 1 },
    { match: "GET /Leads/{lead}", when: { path: "lead", equals: "42" }, cost: 3 },
    { match: "GET /files/{name}", plan: "scale", cost: 4 },
    { match: "GET /*", cost: 6 },
  ]);
  const table = buildPriceTable(shared).forAccount({ own });
  const found = (method: string, path: string) => {
    const match = table.find(method, path);
    return match?.candidates.map((price) => [
      price.cost / 1_000_000n,
      match.own?.prices.has(price) === true ? match.own.version : 3,
    ]);
  };

  it("are tried before everybody's of one match, and are those of their own list", () => {
    assert.deepEqual(found("POST", "/search"), [
      [1n, 8],
      [2n, 3],
    ]);
    assert.deepEqual(found("PUT", "/search"), [[7n, 3]]);
  });

  it("have the name and the parameters that everybody's have for the same endpoint", () => {
    const match = table.find("GET", "/leads/42");
    assert.deepEqual([match?.endpoint, match?.pathParams], ["GET /leads/{id}", { id: "42" }]);
    assert.deepEqual(
      match?.candidates.map(({ endpoint, when }) => [endpoint, when[0]]),
      [
        ["GET /leads/{id}", { path: "id", equals: "42" }],
        ["GET /leads/{id}", { path: "id", equals: "me" }],
        ["GET /leads/{id}", undefined],
      ],
    );
  });

  it("stand in the list as others do: the most specific match is the endpoint, whosever it is", () => {
    assert.deepEqual(found("GET", "/elsewhere"), [[6n, 8]]);
    assert.deepEqual(found("HEAD", "/leads/7")?.length, 3);
    assert.equal(table.find("GET", "/files/a")?.endpoint, "GET /*");
    const onPlan = buildPriceTable(shared).forAccount({ plan: "scale", own });
    assert.deepEqual(
      onPlan.find("GET", "/files/a")?.candidates.map(({ cost }) => cost),
      [4_000_000n, 9_000_000n],
    );
  });

  it("find what a table of both would find", () => {
    const whole = buildPriceTable(listFor(shared, { own }));
    for (const method of ["GET", "HEAD", "POST", "PUT"]) {
      for (const path of ["/search", "/SEARCH/", "/leads/me", "/leads/me/x", "/files/a", "/", "/a/b"]) {
        const [one, other] = [whole.find(method, path), table.find(method, path)];
        assert.deepEqual(
          [other?.endpoint, other?.pathParams, other?.candidates, other?.priced, other?.reads],
          [one?.endpoint, one?.pathParams, one?.candidates, one?.priced, one?.reads],
          `${method} ${path}`,
        );
      }
    }
    assert.deepEqual(table.list.prices, whole.list.prices);
    assert.equal(buildPriceTable(shared).forAccount({ own }).find("POST", "/search")?.own?.version, 8);
  });

  it("are one schedule with everybody's: every moment at which something changes, and no other", () => {
    const day = (number: number) => new Date(Date.UTC(2027, 0, number));
    const second = list(4, [{ match: "POST /search", cost: 3 }]);
    const promotion = list(9, [{ match: "POST /search", free: true }]);
    const schedule = scheduleFor(
      [
        { effectiveAt: day(1), list: shared },
        { effectiveAt: day(20), list: second },
      ],
      [
        { effectiveAt: day(5), until: null, list: own },
        { effectiveAt: day(12), until: day(15), list: promotion },
        { effectiveAt: day(13), until: day(14), list: promotion },
      ],
      undefined,
      day(10),
    );
    assert.deepEqual(
      schedule.map(({ effectiveAt, list: { version, prices }, ownVersion }) => [
        effectiveAt.getUTCDate(),
        version,
        ownVersion,
        prices[0]?.cost,
      ]),
      [
        [5, 3, 8, 1_000_000n],
        [12, 3, 9, 0n],
        [15, 3, 8, 1_000_000n],
        [20, 4, 8, 1_000_000n],
      ],
    );
  });

  it("are simulated before the prices that everybody would have", () => {
    const simulation = new PriceSimulation(list(5, [{ match: "POST /search", cost: 4 }]));
    const group = {
      endpoint: "POST /search",
      creditType: "credits",
      status: 200,
      units: 1,
      amount: 2_000_000n,
    };
    const sums = { charges: 10, uncollected: 0n, refunded: 0n, isRefundedWhole: false };
    const before = list(4, [{ match: "POST /search", cost: 2 }]);
    const pays = list(8, [{ match: "POST /search", cost: 1 }]);
    simulation.add({ account: "acc_1", ...group, ...sums }, before, { own: pays });
    simulation.add({ account: "acc_2", ...group, ...sums }, before);
    assert.deepEqual(
      simulation.result().lines.map(({ account, least, most }) => [account, least, most]),
      [
        ["acc_2", 40_000_000n, 40_000_000n],
        ["acc_1", 10_000_000n, 10_000_000n],
      ],
    );
  });
});
