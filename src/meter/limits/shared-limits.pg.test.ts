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
    const admission = await first.admit("POST /results", { body: { size: 100 } });
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
});
