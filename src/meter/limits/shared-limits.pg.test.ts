import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../ledger/database/database.ts";
import { eachDatabase } from "../../ledger/testing/test-databases.ts";
import { ALICE } from "../testing/open-fake-meter.ts";
import { closeRealMeter, openRealMeter } from "../testing/open-real-meter.ts";

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
});
