import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { computeCharge } from "../compute-charge.ts";
import { computeQuote } from "../compute-quote.ts";
import { fieldsOfValue } from "../field-value.ts";
import type { RequestFacts } from "../price.ts";
import { PRICE_LANGUAGE, parsePriceList, priceListToJson } from "../price-list-json.ts";
import { selectPrice } from "../select-price.ts";

/** As version 0.1 stored it: every word of that time, and every default written out. */
const STORED = `{"prices":[
  {"cost":10,"credit":"credits","detached":"finish","match":"GET /v1/ip-lookup","on":"processed","per":"request"},
  {"credit":"credits","free":true,"match":"GET /user/credits"},
  {"atMost":{"body":"/page_size","default":100,"max":500},"bodies":["json","form"],"cost":0.03,"count":{"body":"/data"},
   "credit":"credits","detached":"abandon","floor":0.5,"match":"POST /v1/businesses","on":[200],
   "once":{"key":{"body":"/ip"},"within":"1d"},"per":"result","unreadable":"dearest",
   "when":[{"body":"/mode","oneOf":["full",1]},{"exists":true,"query":"v"}]},
  {"cost":1,"count":{"header":"x-records"},"credit":"credits","decide":"answer","detached":"finish","floor":0,
   "match":"GET /v2/files/{id}","on":"success","per":"result"}
],"unpriced":"refuse"}`;

function readStored() {
  const parsed = parsePriceList(JSON.parse(STORED), 7);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe("a list that an earlier version stored", () => {
  it("is read, and says in today's words what it said", () => {
    const list = readStored();
    assert.equal(list.prices.length, 4);
    assert.deepEqual(
      list.prices.map((price) => price.uncounted),
      [10_000_000n, 0n, 500_000n, 0n],
    );
    const again = parsePriceList(JSON.parse(JSON.stringify(priceListToJson(list))), 7);
    assert.deepEqual(again, { ok: true, value: list });
  });

  it("is priced as before", () => {
    const facts: RequestFacts = {
      method: "POST",
      path: "/v1/businesses",
      pathParams: {},
      query: new URLSearchParams("v=1"),
      header: () => undefined,
      body: fieldsOfValue({ mode: "full", page_size: 20 }),
    };
    const price = selectPrice(readStored().prices.slice(2, 3), facts);
    assert.ok(price !== undefined);
    assert.deepEqual(computeQuote(price, facts), { amount: 600_000n, units: 20 });
    assert.equal(computeCharge(price, { status: 200, units: 7 }).amount, 210_000n);
    assert.equal(computeCharge(price, { status: 200, units: undefined }).amount, 500_000n);
    assert.equal(computeCharge(price, { status: 201, units: 7 }).amount, 0n);
  });

  it("of a later language is refused, not guessed at", () => {
    const parsed = parsePriceList({ language: PRICE_LANGUAGE + 1, prices: [], unpriced: "free" }, 1);
    assert.ok(!parsed.ok);
    assert.equal(parsed.problems[0]?.path, "language");
  });
});
