import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatCredits } from "../credits.ts";
import { computeCharge } from "./compute-charge.ts";
import { computeKnownQuote } from "./compute-quote.ts";
import { answerFactsOf } from "./explain/described-answer.ts";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, RequestFacts } from "./price.ts";
import { selectPrice } from "./select-price.ts";
import { DATA_VENDORS } from "./testing/data-vendors.ts";
import type { Call, Cost } from "./testing/vendor.ts";
import { WEB_VENDORS } from "./testing/web-vendors.ts";

function parse(prices: readonly unknown[]): readonly Price[] {
  const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  return parsed.ok ? parsed.value : [];
}

function priceCall(prices: readonly Price[], call: Call): Cost {
  const facts: RequestFacts = {
    method: "POST",
    path: "/a",
    pathParams: {},
    query: new URLSearchParams(call.query ?? ""),
    header: () => undefined,
    body: fieldsOfValue(call.body),
  };
  const price = selectPrice(prices, facts);
  assert.ok(price !== undefined);
  const quote = computeKnownQuote(price, facts);
  assert.ok(quote !== "unbounded");
  const answer = answerFactsOf({
    body: call.answer,
    headers: new Map(Object.entries(call.headers ?? {})),
    bytes: call.bytes,
  });
  // Where the price reads one number, that is what the gateway hands over.
  const { count } = price;
  const found = count !== undefined && "body" in count ? answer.read(count.body) : undefined;
  const units =
    found?.kind === "list" ? found.length : typeof found?.value === "number" ? found.value : undefined;
  const charge = computeCharge(price, { status: call.status ?? 200, units, answer }, facts);
  return [formatCredits(quote.amount), formatCredits(charge.amount)];
}

for (const { name, prices, calls } of [...DATA_VENDORS, ...WEB_VENDORS]) {
  describe(name, () => {
    const parsed = parse(prices);
    for (const [what, call, quote, charge] of calls) {
      it(`${what}: ${charge} of ${quote}`, () => assert.deepEqual(priceCall(parsed, call), [quote, charge]));
    }
  });
}
