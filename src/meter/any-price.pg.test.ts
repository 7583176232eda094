import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";
import fc from "fast-check";
import { type Credits, formatCredits } from "../domain/credits.ts";
import { computeCharge } from "../domain/prices/compute-charge.ts";
import { computeQuote } from "../domain/prices/compute-quote.ts";
import type { Outcome } from "../domain/prices/outcome.ts";
import { pricesOn } from "../domain/prices/own/own-prices.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { selectPrice } from "../domain/prices/select-price.ts";
import { anyAnswer, anyPrices, anyRequest, keepsToBounds } from "../domain/prices/testing/any-prices.ts";
import type { Database } from "../ledger/database/database.ts";
import { atOnce, fulfilled } from "../ledger/testing/at-once.ts";
import { assertSound } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import type { Admission, Identity } from "./meter.ts";
import {
  closeRealMeter,
  newAccount,
  openRealMeter,
  publish,
  type RealMeter,
} from "./testing/open-real-meter.ts";

/** Each with random prices: one list, which meters read once. */
const ENDPOINTS = 40;
/** The same prices and calls on every run: what fails can be run again. */
const SEED = 20_261_129;
const RICH = 900_000_000;

interface Call {
  readonly endpoint: number;
  readonly facts: RequestFacts;
  readonly outcome: Outcome;
  readonly plan: "growth" | undefined;
}

const anyCall: fc.Arbitrary<Call> = fc.record({
  endpoint: fc.nat(ENDPOINTS - 1),
  facts: anyRequest,
  outcome: fc.record({ status: fc.constant(200), units: fc.nat(60), answer: anyAnswer }),
  plan: fc.constantFrom("growth" as const, undefined),
});

const PRICES: readonly Price[] = fc
  .sample(anyPrices, { numRuns: ENDPOINTS, seed: SEED })
  .flatMap((prices, index) =>
    // Who has the plan has prices that others do not have.
    prices.map((price, place) =>
      Object.assign(
        {},
        price,
        { endpoint: `POST /e${index}` },
        place < prices.length - 1 && index % 2 === 0 ? { plans: ["growth"] } : {},
      ),
    ),
  );

/** Calls of any kind; a third of them have answers that cost more than their quotes. */
const CALLS: readonly Call[] = (() => {
  const [above, others]: [Call[], Call[]] = [[], []];
  for (const call of fc.sample(anyCall, { numRuns: 2_000, seed: SEED })) {
    const own = pricesOn(PRICES, call.plan).filter(({ endpoint }) => endpoint === `POST /e${call.endpoint}`);
    const price = selectPrice(own, call.facts) ?? assert.fail();
    const { amount } = computeCharge(price, call.outcome, call.facts);
    (amount > computeQuote(price, call.facts).amount ? above : others).push(call);
  }
  return [...above.slice(0, 15), ...others.slice(0, 30)];
})();

eachDatabase("any price, by the meter", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
    await publish(database, { prices: PRICES, unpriced: "refuse" });
  });

  async function admit(real: RealMeter, identity: Identity, { endpoint, facts }: Call): Promise<Admission> {
    const path = `/e${endpoint}`;
    const route = real.meter.route("POST", path, identity);
    assert.ok(!("code" in route));
    const decision = await real.meter.admit({
      requestId: randomUUID(),
      identity,
      route,
      facts: { ...facts, path },
      max: undefined,
      idempotency: undefined,
    });
    assert.ok(decision.kind === "admitted", JSON.stringify(decision, printAmount));
    return decision.admission;
  }

  const printAmount = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? formatCredits(value) : value;

  test("the quote alone pays for every call: what an answer is above it is uncollected, and recorded", async () => {
    const rich = await newAccount(database, RICH);
    const real = await openRealMeter(database, rich);
    let above = 0;
    for (const call of CALLS) {
      const probe = await admit(real, { ...rich, plan: call.plan }, call);
      const quote = probe.quote.amount;
      const asked = priceOf(probe, call);
      await probe.cancel();
      // An account that has the quote, and not a micro-credit more.
      const poor = { ...(await newAccount(database, Number(quote) / 1_000_000)), plan: call.plan };
      const admission = await admit(real, poor, call);
      assert.equal(admission.quote.amount, quote);
      const { charged, uncollected, balance } = await admission.settle(call.outcome);
      assert.ok(charged <= quote, `${charged} above ${quote}`);
      assert.equal(balance, quote - charged);
      // The first call of a period: no tier has been used before.
      if (asked !== undefined) assert.equal(charged + uncollected, asked);
      if (uncollected > 0n) above += 1;
    }
    await closeRealMeter(real);
    await assertSound(database, { atRest: true });
    assert.ok(above >= 10, `only ${above} were above their quotes`);
  });

  test("at once, from two instances: no charge is above its quote where the answer keeps to its bounds", async () => {
    const account = await newAccount(database, RICH);
    const meters = [await openRealMeter(database, account), await openRealMeter(database, account)] as const;
    let kept = 0;
    const settled = fulfilled(
      await atOnce(CALLS.length, async (index) => {
        const call = CALLS[index] ?? assert.fail();
        const admission = await admit(meters[index % 2 === 0 ? 0 : 1], { ...account, plan: call.plan }, call);
        const price = admission.price ?? assert.fail();
        const keeps = keepsToBounds(price, call.facts, call.outcome);
        const { charged, uncollected } = await admission.settle(call.outcome);
        assert.equal(uncollected, 0n);
        if (keeps) assert.ok(charged <= admission.quote.amount, `${charged} above ${admission.quote.amount}`);
        if (keeps && charged > 0n) kept += 1;
        return charged;
      }),
    );
    const spent = settled.reduce((sum, charged) => sum + charged, 0n);
    const [pool] = await meters[0].meter.balances(account);
    assert.equal(pool?.balance, BigInt(RICH) * 1_000_000n - spent);
    for (const real of meters) await closeRealMeter(real);
    await assertSound(database, { atRest: true });
    assert.ok(kept > 10, `only ${kept} kept to their bounds and cost something`);
  });

  /** What the price asks for. Undefined: tiers decide where it is charged. */
  function priceOf({ price }: Admission, { facts, outcome }: Call): Credits | undefined {
    assert.ok(price !== undefined);
    return price.tiers === undefined ? computeCharge(price, outcome, facts).amount : undefined;
  }
});
