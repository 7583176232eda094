import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_CREDITS, MICRO_PER_CREDIT } from "../credits.ts";
import { chargedOn, computeCharge } from "./compute-charge.ts";
import { computeKnownQuote, computeQuote } from "./compute-quote.ts";
import { fieldsOfValue } from "./field-value.ts";
import { readOnceValue } from "./once-value.ts";
import { allImply, findContradiction } from "./parse/implies.ts";
import { NO_BODY_RULES } from "./parse/parse-bodies.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Condition, Price, RequestFacts, RequestField } from "./price.ts";
import { parsePriceList, priceListText, priceListToJson } from "./price-list-json.ts";
import { buildPriceTable } from "./price-table.ts";
import { readsBody } from "./request-reads.ts";
import { selectPrice } from "./select-price.ts";

/** Records with the usual prototype, as parsers make them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const pointer = fc.array(fc.stringMatching(/^[a-z0-9]{0,3}$/), { maxLength: 3 }).map((parts) => {
  return parts.map((part) => `/${part}`).join("");
});

function field(params: readonly string[]): fc.Arbitrary<RequestField> {
  const sources: fc.Arbitrary<RequestField>[] = [
    record({ body: pointer }),
    record({ query: name }),
    record({ header: name }),
  ];
  if (params.length > 0) sources.push(record({ path: fc.constantFrom(...params) }));
  return fc.oneof(...sources);
}

const scalar = fc.oneof(name, fc.integer(), fc.boolean(), fc.constant("full"), fc.constant(1));

function condition(params: readonly string[]): fc.Arbitrary<Condition> {
  return fc
    .tuple(
      field(params),
      fc.oneof(
        record({ equals: scalar }),
        record({ oneOf: fc.array(scalar, { minLength: 1, maxLength: 4 }) }),
        record({ exists: fc.boolean() }),
      ),
    )
    .map(([where, test]) => Object.assign(where, test));
}

const amount = fc.bigInt({ min: 1n, max: 1000n * MICRO_PER_CREDIT });
const bound = fc.integer({ min: 1, max: 100_000 });
const statuses = fc
  .uniqueArray(fc.integer({ min: 200, max: 599 }), { minLength: 1, maxLength: 4 })
  .map((list) => list.sort((left, right) => left - right));

/** Prices of one match; only the last may have no conditions, and no two the same ones. */
const endpoint: fc.Arbitrary<Price[]> = fc
  .tuple(
    fc.constantFrom("GET", "POST", "*", "DELETE"),
    name,
    fc.uniqueArray(name, { maxLength: 2 }),
    fc.boolean(),
  )
  .chain(([method, first, params, wildcard]) => {
    const match = `${method} /${[first, ...params.map((param) => `{${param}}`), ...(wildcard ? ["*"] : [])].join("/")}`;
    const conditions = fc.uniqueArray(
      fc.uniqueArray(condition(params), { minLength: 1, maxLength: 2, selector: JSON.stringify }),
      {
        maxLength: 2,
        selector: (list) =>
          list
            .map((item) => JSON.stringify(item))
            .sort()
            .join(),
      },
    );
    const sensible = conditions.filter(
      (lists) =>
        lists.every((when) => findContradiction(when) === undefined) &&
        lists.every((when, index) => !lists.slice(0, index).some((earlier) => allImply(when, earlier))),
    );
    return sensible.chain((lists) => fc.tuple(...[...lists, []].map((when) => price(match, params, when))));
  });

const bodyRules = {
  bodies: fc.constantFrom(["json"], ["json", "form"], ["multipart", "application/vnd.api+json"]),
  unreadable: fc.constantFrom("refuse" as const, "dearest"),
};

function price(match: string, params: readonly string[], when: readonly Condition[]): fc.Arbitrary<Price> {
  const once = fc.option(
    record({ field: field(params), withinSeconds: fc.integer({ min: 1, max: 9_999_999 }) }),
    {
      nil: undefined,
    },
  );
  const on = fc.oneof(fc.constant("success" as const), fc.constant("processed" as const), statuses);
  const shared = { endpoint: fc.constant(match), creditType: name, when: fc.constant(when) };
  const paid = {
    ...shared,
    free: fc.constant(false),
    on,
    once,
    decide: fc.constantFrom("request" as const, "answer"),
    detached: fc.constantFrom("finish" as const, "abandon"),
    head: /^(?:GET|\*) /.test(match)
      ? fc.constantFrom("charged" as const, "free")
      : fc.constant("charged" as const),
    ...bodyRules,
  };
  const nothingToCount = {
    per: fc.constant("request" as const),
    count: fc.constant(undefined),
    atMost: fc.constant(undefined),
  };
  const perRequest = amount.chain((cost) =>
    record({ ...paid, ...nothingToCount, cost: fc.constant(cost), uncounted: fc.constant(cost) }),
  );
  const atMost = fc
    .tuple(fc.option(field(params), { nil: undefined }), bound, bound)
    .map(([where, one, other]) => {
      const max = Math.max(one, other);
      return { field: where, default: where === undefined ? max : Math.min(one, other), max };
    });
  const counted = {
    ...paid,
    cost: amount,
    per: fc.constant("result" as const),
    count: fc.oneof(record({ body: pointer }), record({ header: name })),
    uncounted: fc.bigInt({ min: 0n, max: MAX_CREDITS }),
  };
  const perResult = fc.oneof(
    record({ ...counted, atMost }),
    record({ ...counted, atMost: fc.constant(undefined), decide: fc.constant("answer" as const) }),
  );
  const free = record({
    ...shared,
    ...nothingToCount,
    cost: fc.constant(0n),
    free: fc.constant(true),
    on: fc.constant("success" as const),
    once: fc.constant(undefined),
    uncounted: fc.constant(0n),
    decide: fc.constant("request" as const),
    detached: fc.constant("finish" as const),
    head: fc.constant("charged" as const),
    ...bodyRules,
  });
  return fc
    .oneof(
      { weight: 2, arbitrary: perRequest },
      { weight: 3, arbitrary: perResult },
      { weight: 1, arbitrary: free },
    )
    .map((any) => (readsBody(any) ? any : Object.assign(any, NO_BODY_RULES)));
}

const list = fc
  .uniqueArray(endpoint, {
    maxLength: 4,
    selector: (prices) => prices[0]?.endpoint.replaceAll(/\{[^}]*\}/g, "{}").toLowerCase() ?? "",
  })
  .map((endpoints) => endpoints.flat());

const onePrice = endpoint.map((prices) => prices.at(-1)).filter((found) => found !== undefined);

const facts: fc.Arbitrary<RequestFacts> = fc
  .record({
    body: fc.option(fc.jsonValue(), { nil: undefined }),
    value: fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.constantFrom("0", "-1", "1e9", "NaN", "9".repeat(40), "10"),
    ),
    times: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ body, value, times }) => {
    // Every name has the value: what matters is what prices make of it, not which name they ask for.
    const query = new URLSearchParams();
    query.getAll = () => Array.from({ length: times }, () => value);
    return {
      method: "POST",
      path: "/x",
      pathParams: new Proxy(
        {},
        { has: () => true, get: () => value, getOwnPropertyDescriptor: descriptor(value) },
      ),
      query,
      header: () => (times === 0 ? undefined : value),
      body: fieldsOfValue(body),
    };
  });

function descriptor(value: string) {
  return () => ({ configurable: true, enumerable: true, value });
}

/** Everything that an upstream can put where a count belongs. */
const count = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, -0, 0.5, 2 ** 53, 1e300),
);

describe("prices, whatever they are", () => {
  it("survive being stored and read again", () => {
    fc.assert(
      fc.property(
        list,
        fc.constantFrom("free" as const, "refuse" as const),
        fc.nat(),
        (prices, unpriced, version) => {
          const stored = JSON.parse(JSON.stringify(priceListToJson({ prices, unpriced })));
          assert.deepEqual(parsePriceList(stored, version), {
            ok: true,
            value: { version, prices, unpriced },
          });
          const parsed = parsePriceList(JSON.parse(priceListText({ prices, unpriced })), version);
          assert.ok(parsed.ok);
          assert.equal(priceListText(parsed.value), priceListText({ prices, unpriced }));
        },
      ),
    );
  });

  it("are accepted by the parser that configuration uses, and by the table", () => {
    fc.assert(
      fc.property(list, (prices) => {
        const creditTypes = [...new Set(prices.map((one) => one.creditType))];
        const json = priceListToJson({ prices, unpriced: "free" });
        assert.deepEqual(parsePrices(json["prices"], "prices", { creditTypes }), { ok: true, value: prices });
        const table = buildPriceTable({ version: 1, prices, unpriced: "free" });
        for (const one of prices) {
          const [method = "", path = ""] = one.endpoint
            .replaceAll(/[{}]/g, "")
            .replace("/*", "/x")
            .split(" ");
          const found = table.find(method === "*" ? "PUT" : method, path);
          assert.ok(found?.candidates.includes(one), one.endpoint);
        }
      }),
    );
  });

  it("quote an amount between 0 and the largest, in whole units up to max", () => {
    fc.assert(
      fc.property(onePrice, facts, (one, request) => {
        const quote = computeQuote(one, request);
        assert.ok(quote.amount >= 0n && quote.amount <= MAX_CREDITS);
        assert.ok(Number.isSafeInteger(quote.units) && quote.units >= 0);
        if (one.free) assert.deepEqual(quote, { amount: 0n, units: 0 });
        else assert.ok(quote.amount > 0n && quote.units <= (one.atMost?.max ?? 1));
      }),
    );
  });

  it("charge an amount between 0 and the largest for any status and any count", () => {
    fc.assert(
      fc.property(onePrice, fc.integer({ min: 100, max: 599 }), count, (one, status, units) => {
        const charge = computeCharge(one, { status, units });
        assert.ok(charge.amount >= 0n && charge.amount <= MAX_CREDITS);
        assert.ok(Number.isSafeInteger(charge.units) && charge.units >= 0 && !Object.is(charge.units, -0));
        if (!chargedOn(one, status))
          assert.deepEqual(charge, { amount: 0n, units: 0, countProblem: undefined });
        if (charge.countProblem !== undefined) assert.equal(charge.amount, one.uncounted);
      }),
    );
  });

  it("never charge more than the quote while the upstream keeps to the bound", () => {
    fc.assert(
      fc.property(onePrice, facts, fc.nat(), fc.boolean(), (one, request, seed, readable) => {
        const quote = computeKnownQuote(one, request);
        // Without a bound there is nothing to keep to, and nothing is set aside.
        if (quote === "unbounded") return assert.equal(one.decide, "answer");
        const units = readable ? seed % (quote.units + 1) : undefined;
        for (const status of [200, 206, 404, 500]) {
          assert.ok(computeCharge(one, { status, units }).amount <= quote.amount);
        }
        return undefined;
      }),
    );
  });

  it("select one candidate or none, and read a window's value or none", () => {
    fc.assert(
      fc.property(endpoint, facts, (prices, request) => {
        const selected = selectPrice(prices, request);
        assert.ok(selected !== undefined, "the last has no conditions");
        const value = readOnceValue(selected, request);
        assert.ok(value === undefined || (value.length <= 600 && !value.includes("\u0000")));
      }),
    );
  });
});
