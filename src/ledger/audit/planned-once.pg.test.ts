import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database } from "../database/database.ts";
import { createPool } from "../testing/books.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { auditLedger } from "./audit.ts";

eachDatabase("an audit's statements", (openFresh) => {
  test("are planned once per connection, for all chunks and shards", async () => {
    const db = await openFresh();
    for (let pools = 0; pools < 12; pools += 1) await createPool(db, 10n);
    const first = await readPlans(db);
    assert.ok(first.length > 15, `${first.length} statements`);
    assert.deepEqual(
      first.filter(({ custom }) => custom > 0n),
      [],
    );
    assert.ok(
      first.every(({ generic }) => generic > 1n),
      "each is asked for more than one shard",
    );
    // The same again: no text of an audit depends on what it looks at.
    assert.equal((await readPlans(db)).length, first.length);
  });
});

interface PlansRow {
  readonly custom: bigint;
  readonly generic: bigint;
}

/** How often the statements of an audit were run by a plan of their own, and by the one for all. */
async function readPlans(db: Database): Promise<PlansRow[]> {
  let rows: PlansRow[] = [];
  const observed: Pick<Database, "transaction"> = {
    transaction: (run) =>
      db.transaction(async (tx) => {
        const result = await run(tx);
        rows = await tx.query<PlansRow>(
          "SELECT custom_plans AS custom, generic_plans AS generic FROM pg_prepared_statements WHERE name LIKE 'audit %'",
        );
        return result;
      }),
  };
  const { findings } = await auditLedger({ ...observed, kind: db.kind } as Database);
  assert.deepEqual(findings, []);
  return rows;
}
