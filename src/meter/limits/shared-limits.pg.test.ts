import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../ledger/database/database.ts";
import { eachDatabase } from "../../ledger/testing/test-databases.ts";
import { ALICE, PRICES } from "../testing/open-fake-meter.ts";
import { closeRealMeter, newAccount, openRealMeter, publish } from "../testing/open-real-meter.ts";

eachDatabase("a limit over three meters on one store", (openFresh) => {
  let database: Database;
  before(async () => {
    database = await openFresh();
  });

  for (const requests of [5, 300]) {
    test(`lets ${requests} of all requests through, whoever is asked`, async () => {
      const limits = [{ match: "*", requests, windowSeconds: 3_600, by: "account" }] as const;
      const meters = await Promise.all([0, 1, 2].map(() => openRealMeter(database, ALICE, { limits })));
      const answers = await Promise.all(
        Array.from({ length: 3 * requests }, async (_, index) =>
          meters[index % 3]?.meter.limit(ALICE, "GET", "/x"),
        ),
      );
      const accepted = answers.filter((answer) => answer !== undefined && !("code" in answer));
      assert.ok(accepted.length <= requests * 1.05, `${accepted.length}`);
      assert.ok(accepted.length >= requests * 0.95, `${accepted.length}`);
      await Promise.all(meters.map(closeRealMeter));
    });
  }

  test("of results: what one meter counted of an answer, all of them refuse", async () => {
    const customer = await newAccount(database, 1_000);
    await publish(database, { prices: PRICES, unpriced: "free" });
    const rule = {
      match: "*",
      requests: 80,
      windowSeconds: 3_600,
      by: "account",
      counts: "results",
    } as const;
    const meters = await Promise.all(
      [0, 1, 2].map(() => openRealMeter(database, customer, { limits: [rule] })),
    );
    const ask = async (index: number): Promise<boolean> => {
      const state = await meters[index]?.meter.limit(customer, "POST", "/results");
      return state !== undefined && "code" in state;
    };
    const [first] = meters;
    assert.ok(first !== undefined);
    assert.equal(await ask(0), false);
    const admission = await first.admit("POST /results", { body: { size: 80 } });
    await admission.settle({ status: 200, units: 100 });
    // What is above the first meter's places is told by a question that no request waits for.
    const deadline = performance.now() + 30_000;
    let accepted = 0;
    for (let refused = [false]; refused.includes(false); ) {
      refused = await Promise.all([1, 2].map(ask));
      accepted += refused.filter((one) => !one).length;
      assert.ok(performance.now() < deadline, "they never heard of it");
    }
    // Nobody has the other 79 places any more: the rest are what an instance may do before it hears of it.
    assert.ok(accepted < 60, `${accepted}`);
    await Promise.all(meters.map(closeRealMeter));
  });

  test("of results: requests at once, at any meter, never return more than it; what did not come is used by others", async () => {
    const customer = await newAccount(database, 100_000);
    await publish(database, { prices: PRICES, unpriced: "free" });
    const limit = 1_000;
    const rule = {
      match: "*",
      requests: limit,
      windowSeconds: 3_600,
      by: "account",
      counts: "results",
    } as const;
    const meters = await Promise.all(
      [0, 1, 2].map(() => openRealMeter(database, customer, { limits: [rule] })),
    );
    /** What it returns; 0: it is refused. */
    const call = async (index: number, size: number, units: number): Promise<number> => {
      const { meter, route, request } = meters[index % 3] ?? assert.fail();
      const state = await meter.limit(customer, "POST", "/results");
      if (state !== undefined && "code" in state) return 0;
      const asked = request("POST /results", { body: { size }, route: route("POST", "/results") });
      const decision = await meter.admit(asked);
      if (decision.kind !== "admitted") return 0;
      await decision.admission.settle({ status: 200, units });
      return units;
    };
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
    // Each may return 50: sixty of them would be three times the limit.
    let returned = sum(await Promise.all(Array.from({ length: 60 }, (_, index) => call(index, 50, 10))));
    assert.ok(returned <= limit, `${returned}`);
    // Most did not come: it is used until no meter has room for one that may return 50.
    for (let came = [1]; came.some((count) => count > 0); returned += sum(came)) {
      came = await Promise.all([0, 1, 2].map((index) => call(index, 50, 50)));
    }
    assert.ok(returned <= limit, `${returned}`);
    assert.ok(returned >= limit / 2, `${returned}`);
    await Promise.all(meters.map(closeRealMeter));
  });
});
