import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../conformance/call.ts";
import { type Customer, openScene } from "./scene.ts";

/** Everything that makes up one price at once, against a model of it in whole numbers of micro-credits. */

const CONFIG = `
prices:
  - match: POST /v1/work
    cost: 2
    per: 5 items
    count: { body: /items }
    atMost: { body: /size, default: 10, max: 40 }
    tiers: { within: year, steps: [{ over: 8, cost: 1 }, { over: 61, cost: 0.5 }] }
    plus: [{ cost: 1, per: dollar, count: { body: /usd, decimal: true }, atMost: 3, uncounted: 2.5 }]
    least: 3
    where: { body: /status, noneOf: [miss] }
    once: { key: /id, within: 24h }
limits: [{ match: POST /v1/work, results: 300, per: day }]
`;
const OWN = {
  match: "POST /v1/work",
  cost: 1.5,
  per: "5 items",
  count: { body: "/items" },
  atMost: { body: "/size", default: 10, max: 40 },
  tiers: { within: "year", whole: true, steps: [{ over: 42, cost: 0.25 }] },
  plus: [{ cost: 1, per: "dollar", count: { body: "/usd", decimal: true }, atMost: 3, uncounted: 2.5 }],
  least: 3,
  where: { body: "/status", noneOf: ["miss"] },
  once: { key: "/id", within: "24h" },
};

interface Work {
  readonly id?: number;
  readonly size?: number;
  /** How many the upstream finds. */
  readonly items: number;
  readonly usd?: number;
  readonly status?: string;
}

const MICRO = 1_000_000;
const micro = (credits: number): number => Math.round(credits * MICRO);

/** What an account has used, and what its next call costs. */
class Model {
  used = 0;
  readonly #seen = new Set<number>();
  readonly #tiers: readonly (readonly [over: number, cost: number])[];
  readonly #whole: boolean;

  constructor(tiers: readonly (readonly [number, number])[], whole: boolean) {
    this.#tiers = tiers;
    this.#whole = whole;
  }

  costOf(unit: number): number {
    return micro(this.#tiers.findLast(([over]) => unit >= over)?.[1] ?? 0);
  }

  charge({ id, items, usd, status }: Work, max = Number.POSITIVE_INFINITY): number {
    if (status === "miss" || (id !== undefined && this.#seen.has(id))) return 0;
    // What begins a block counts and costs as the whole one.
    const units = Math.ceil(items / 5) * 5;
    let amount = micro(usd ?? 2.5);
    for (let unit = 0; unit < units; unit += 1) {
      amount += this.costOf(this.#whole ? this.used : this.used + unit) / 5;
    }
    this.used += units;
    if (id !== undefined) this.#seen.add(id);
    return Math.min(Math.max(amount, micro(3)), micro(max));
  }
}

const chargedOf = (answer: Answer): number => micro(Number(answer.headers["credits-charged"]));

async function work(customer: Customer, { id, size, ...found }: Work, max?: number): Promise<Answer> {
  const headers = {
    "x-found": JSON.stringify(found),
    ...(max === undefined ? {} : { "credits-max": String(max) }),
  };
  return await customer.call("POST", "/v1/work", { id, size }, headers);
}

test("tiers, blocks, a reported cost, a least, conditions, windows, bounds, refunds and own prices add up", async (t) => {
  const scene = await openScene(CONFIG, "/v1/credits", (request, response) => {
    const { items, ...rest } = JSON.parse(String(request.headers["x-found"])) as Work;
    request.resume();
    response
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ items: Array.from({ length: items }, () => ({})), ...rest }));
  });
  t.after(() => scene.close());
  const customers = [
    {
      customer: await scene.openCustomer(1_000),
      model: new Model(
        [
          [0, 2],
          [8, 1],
          [61, 0.5],
        ],
        false,
      ),
    },
    {
      customer: await scene.openCustomer(1_000),
      model: new Model(
        [
          [0, 1.5],
          [42, 0.25],
        ],
        true,
      ),
    },
  ] as const;
  await scene.operate("POST", `/v1/accounts/${customers[1].customer.id}/price-lists`, { prices: [OWN] });

  for (const { customer, model } of customers) {
    let spent = 0;
    const calls: readonly (readonly [Work, number?])[] = [
      [{ items: 0, usd: 0.000001 }],
      [{ id: 1, items: 3, usd: 2.25 }],
      [{ id: 1, items: 40, usd: 3 }],
      [{ id: 2, items: 7, status: "miss" }],
      [{ id: 2, size: 20, items: 17, usd: 0 }],
      [{ id: 3, size: 40, items: 26, usd: 1.1 }],
      // More than it may return, and more than the caller would pay.
      [{ id: 4, size: 5, items: 40, usd: 3 }, 5],
      [{ id: 5, size: 40, items: 40 }],
      [{ id: 6, size: 5, items: 5, usd: 0.333333 }, 5],
    ];
    for (const [one, max] of calls) {
      const expected = model.charge(one, max);
      const answer = await work(customer, one, max);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(chargedOf(answer), expected, JSON.stringify(one));
      spent += expected;
      assert.equal(micro(Number(answer.headers["credits-remaining"])), micro(1_000) - spent);
    }

    // The quote is 2 for its block and 3 dollars: one micro-credit less is too little, and nothing is charged.
    const refused = await work(
      customer,
      { size: 5, items: 1, usd: 1 },
      customer === customers[0].customer ? 4.999999 : 4.499999,
    );
    assert.equal(refused.status, 402, refused.text);

    // A refund gives credits back, and no place in a tier.
    const last = await work(customer, { id: 7, items: 5, usd: 2 });
    spent += model.charge({ id: 7, items: 5, usd: 2 });
    await scene.operate("POST", `/v1/accounts/${customer.id}/refunds`, {
      requestId: last.headers["x-request-id"],
      amount: 1,
    });
    await scene.operate("POST", `/v1/accounts/${customer.id}/refunds`, {
      requestId: last.headers["x-request-id"],
    });
    spent -= chargedOf(last);
    const again = await work(customer, { id: 7, items: 5, usd: 2 });
    assert.equal(chargedOf(again), 0, "a refund opens no window anew");

    // At once, above the least: in whatever order they come, all together cost the same.
    const found = Array.from({ length: 12 }, (_, index) => ({
      id: 100 + index,
      items: (index % 4) * 5 + 1,
      usd: 3,
    }));
    const answers = await Promise.all(found.map((one) => work(customer, one)));
    const together = answers.reduce((sum, answer) => sum + chargedOf(answer), 0);
    const expected = found.reduce((sum, one) => sum + model.charge(one), 0);
    assert.equal(together, expected);
    spent += expected;
    const balances = (await customer.get("/balances")).json<{ pools: { balance: number }[] }>();
    assert.equal(micro(balances.pools[0]?.balance ?? Number.NaN), micro(1_000) - spent);
  }
});
