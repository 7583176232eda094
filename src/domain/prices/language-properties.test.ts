import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_CREDITS } from "../credits.ts";
import { computeCharge } from "./compute-charge.ts";
import { computeKnownQuote } from "./compute-quote.ts";
import { UNREADABLE_BODY } from "./field-value.ts";
import { computePartAmount, roundingOf } from "./part-amount.ts";
import type { PricePart, RequestFacts } from "./price.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";
import { selectPrice } from "./select-price.ts";
import { anyAnswer, anyPrices, anyRequest, keepsToBounds } from "./testing/any-prices.ts";
import { computeMeasuredAmount } from "./tiers.ts";

describe("the price language, whatever is written in it", () => {
  it("is stored and read again as the same list", () => {
    fc.assert(
      fc.property(anyPrices, (list) => {
        const text = priceListText({ prices: list, unpriced: "free" });
        const parsed = parsePriceList(JSON.parse(text), 1);
        assert.ok(parsed.ok);
        assert.deepEqual(parsed.value.prices, list);
        assert.equal(priceListText(parsed.value), text);
      }),
    );
  });

  it("never charges more than the quote while the answer keeps to the bounds, nor ever more than most", () => {
    let kept = 0;
    let measured = 0;
    fc.assert(
      fc.property(anyPrices, anyRequest, anyAnswer, fc.nat(60), (list, facts, found, units) => {
        const price = selectPrice(list, facts);
        assert.ok(price !== undefined);
        const quote = computeKnownQuote(price, facts);
        assert.ok(quote !== "unbounded");
        const outcome = { status: 200, units, answer: found };
        const charge = computeCharge(price, outcome, facts);
        assert.ok(charge.amount >= 0n && charge.amount <= MAX_CREDITS);
        assert.ok(Number.isSafeInteger(charge.units) && charge.units >= 0);
        if (charge.measured !== undefined) {
          // Whatever was used before: no tier asks for more than the dearest, and the same as what is not measured where nothing differs.
          const { amount: exact } = computeMeasuredAmount(charge.measured, BigInt(units) * 1_500_000n, 0n);
          assert.ok(exact <= charge.amount, `${exact} above ${charge.amount}`);
          const dearest = charge.measured.costs.reduce((one, [, cost]) => (one > cost ? one : cost), 0n);
          const flat = { ...charge.measured, costs: [[0n, dearest] as const] };
          assert.equal(computeMeasuredAmount(flat, 7n, 0n).amount, charge.amount);
          measured += 1;
        }
        if (price.most !== undefined) assert.ok(charge.amount <= price.most && quote.amount <= price.most);
        if (!keepsToBounds(price, facts, outcome)) return;
        kept += 1;
        assert.ok(charge.amount <= quote.amount, `${charge.amount} above ${quote.amount}`);
      }),
      { numRuns: 400 },
    );
    assert.ok(kept > 40, `only ${kept} kept to the bounds`);
    assert.ok(measured > 40, `only ${measured} had tiers`);
  });

  it("costs what is quoted where the answer is more than can be followed", () => {
    fc.assert(
      fc.property(anyPrices, anyRequest, (list, facts) => {
        const price = selectPrice(list, facts);
        assert.ok(price !== undefined);
        const quote = computeKnownQuote(price, facts);
        const { amount: charged } = computeCharge(
          price,
          { status: 200, units: undefined, answer: "over" },
          facts,
        );
        assert.equal(charged, quote === "unbounded" ? undefined : quote.amount);
      }),
    );
  });

  it("gives a request of which nothing can be read no lower quote than any request", () => {
    fc.assert(
      fc.property(anyPrices, anyRequest, (list, facts) => {
        const dearest = { ...facts, body: UNREADABLE_BODY };
        const quoteOf = (one: RequestFacts): bigint => {
          const price = selectPrice(list, one);
          assert.ok(price !== undefined);
          const quote = computeKnownQuote(price, one);
          return quote === "unbounded" ? MAX_CREDITS : quote.amount;
        };
        // A number in the body above `max` is the upstream's to cut: only what the request counts itself may be more.
        const counts = list.some((price) =>
          [price, ...(price.plus ?? [])].some(({ count }) => count !== undefined && "request" in count),
        );
        if (!counts) assert.ok(quoteOf(facts) <= quoteOf(dearest));
      }),
    );
  });
});

describe("amounts", () => {
  const part = (cost: bigint, size: number, round: PricePart["round"], included?: number): PricePart => ({
    cost,
    included,
    per: "result",
    unit: { size, name: "results" },
    round,
    count: undefined,
    atMost: undefined,
    uncounted: cost,
  });

  it("are those of a reference that counts in billionths", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 9n }),
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom("block" as const, "credit", "exact", undefined),
        fc.integer({ min: 0, max: 10 ** 9 }),
        fc.integer({ min: 0, max: 6 }),
        fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
        (cost, size, round, digits, decimals, included) => {
          const units = Number(`${digits}e-${decimals}`);
          const one = part(cost, size, round, included);
          // The same in fractions: `digits` ten-to-the-minus-`decimals`ths of a result, of `size` to a block.
          const beyond = BigInt(digits) - BigInt(included ?? 0) * 10n ** BigInt(decimals);
          const [above, below] = [beyond > 0n ? beyond : 0n, 10n ** BigInt(decimals) * BigInt(size)];
          const up = (left: bigint, right: bigint): bigint => left / right + (left % right === 0n ? 0n : 1n);
          const rounding = roundingOf(one);
          const expected =
            rounding === "block"
              ? cost * up(above, below)
              : rounding === "exact"
                ? up(cost * above, below)
                : up(up(cost * above, below), 1_000_000n) * 1_000_000n;
          assert.equal(computePartAmount(one, units), expected <= MAX_CREDITS ? expected : undefined);
        },
      ),
    );
  });
});
