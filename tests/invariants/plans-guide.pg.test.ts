import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { publishPlans, readPlan, storedItems } from "../../src/ledger/plans/plans.ts";
import { poolKeyOf } from "../../src/ledger/pools/pool-key.ts";
import { assertSound, createPool, readPool } from "../../src/ledger/testing/books.ts";
import { eachDatabase } from "../../src/ledger/testing/test-databases.ts";

const GUIDE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "guide", "plans.md"), "utf8");

eachDatabase("the guide to plans", (openFresh) => {
  let db: Database;
  before(async () => {
    db = await openFresh();
  });

  test("its configuration grants what its example says", async () => {
    const yaml = /```yaml\n(.*?)```/s.exec(GUIDE)?.[1] ?? "";
    const { plans } = parseConfig("farebox.yaml", `upstream: http://127.0.0.1:9000\n${yaml}`);
    await db.transaction((tx) => publishPlans(tx, plans));
    const rows = [...GUIDE.matchAll(/^\| (\d{4}-\d\d-\d\d) \| (.*) \| (\d+) \|$/gm)];
    assert.equal(rows.length, 9);
    const pool = await createPool(db, 0n);
    const { shard, accountNo, typeNo } = await poolKeyOf(db, pool);
    for (const [, date = "", what = "", balance] of rows) {
      const now = new Date(date);
      const [, verb, plan, when] = /^`(assign|cancel) (?:(\w+) )?(now|refresh)`/.exec(what) ?? [];
      if (verb !== undefined) {
        const stored = plan === undefined ? undefined : await readPlan(db, plan);
        const items = stored === undefined ? "[]" : storedItems(stored);
        await db.query("SELECT farebox.change_plan($1, $2, $3, $4, $5::jsonb, '{}', $6, NULL, $7)", [
          shard,
          accountNo,
          plan,
          stored?.version,
          items,
          when === "refresh",
          now,
        ]);
      }
      await db.query("SELECT farebox.roll_pool_to($1, $2, $3, $4)", [shard, accountNo, typeNo, now]);
      assert.equal(
        (await readPool(db, pool)).balance,
        BigInt(Number(balance) * 1_000_000),
        `${date}: ${what}`,
      );
    }
    await assertSound(db);
  });
});
