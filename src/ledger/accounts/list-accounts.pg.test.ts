import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Database, Queryable } from "../database/database.ts";
import { openDatabase } from "../database/open-database.ts";
import { createTestDatabase, eachDatabase, type TestDatabase } from "../testing/test-databases.ts";
import { type AccountFilter, listAccounts } from "./list-accounts.ts";

/** What texts are made of: what a search language gives a meaning, several bytes, several cases, and often the same. */
const unit = fc.constantFrom(...Array.from("aabbcABC '\\\"%_*&|!:()-<>\t\n\u2028äÄßİıσςΣ😀中"), "e\u0301");
const name = fc.oneof(
  fc.string({ unit, minLength: 1, maxLength: 12 }),
  fc.string({ unit, minLength: 150, maxLength: 190 }).map((text) => Array.from(text).slice(0, 200).join("")),
);

eachDatabase("a search by parts", (openFresh) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
    const names = fc.sample(name, { numRuns: 150, seed: 7 });
    await db.query(
      `INSERT INTO farebox.accounts (account_id, name, shard)
       SELECT 'acc_' || n || chr(65 + n::int % 26), name, 0 FROM unnest($1::text[]) WITH ORDINALITY u(name, n)`,
      [names],
    );
  });

  const find = async (tx: Queryable, filter: AccountFilter): Promise<string[]> =>
    (await listAccounts(tx, { limit: 1000, ...filter })).items.map(({ accountId }) => accountId);

  /** As it was before there was an index. */
  const scan = async (tx: Queryable, q: string): Promise<string[]> => {
    const rows = await tx.query<{ id: string }>(
      `SELECT account_id AS id FROM farebox.accounts
       WHERE strpos(lower(name), lower($1)) > 0 OR strpos(lower(account_id), lower($1)) > 0
       ORDER BY created_at DESC, account_id DESC`,
      [q],
    );
    return rows.map(({ id }) => id);
  };

  const part = fc.oneof(
    fc.string({ unit, minLength: 1, maxLength: 4 }),
    fc.string({ unit, minLength: 5, maxLength: 200 }),
    fc.constantFrom("ACC_", "cc_1", "_12", "9A", "z"),
    // Of names that are there, so that long ones are found too.
    fc.tuple(fc.nat(149), fc.nat(60), fc.integer({ min: 1, max: 60 })),
  );

  test("finds what reading every account finds, by the index and without it", async () => {
    const names = fc.sample(name, { numRuns: 150, seed: 7 });
    await db.transaction(async (tx) => {
      let found = 0;
      await fc.assert(
        fc.asyncProperty(part, fc.boolean(), async (drawn, isByIndex) => {
          await tx.exec(`SET LOCAL enable_seqscan TO ${isByIndex ? "off" : "on"}`);
          const q = typeof drawn === "string" ? drawn : cut(names[drawn[0]] ?? "", drawn[1], drawn[2]);
          if (q === "") return;
          const expected = await scan(tx, q);
          assert.deepEqual(await find(tx, { q }), expected, JSON.stringify(q));
          found += Math.min(expected.length, 1);
        }),
        { numRuns: 100 },
      );
      assert.ok(found > 15, `${found} searches found something`);
    });
  });
});

const cut = (text: string, from: number, length: number): string =>
  Array.from(text)
    .slice(from, from + length)
    .join("");

describe("a search among many accounts", () => {
  const MANY = 20_000;
  let target: TestDatabase;
  let db: Database;

  before(async () => {
    target = await createTestDatabase("postgres");
    db = await openDatabase(target.target, { maxConnections: 1 });
    await db.exec(`SET statement_timeout TO 0;
      INSERT INTO farebox.accounts (account_id, name, shard, plan, metadata)
      SELECT 'acc_' || n, 'Customer ' || n, 0, 'starter', jsonb_build_object('crm', n::text) FROM generate_series(1, ${MANY}) n`);
    // As autovacuum would, which also merges what an index has in its list of what is new.
    await db.exec("VACUUM (ANALYZE) farebox.accounts");
  });
  after(async () => {
    await db.close();
    await target.drop();
  });

  const countRead = async (): Promise<number> => {
    // The only session reports its own when this has been answered.
    await db.query("SELECT pg_stat_force_next_flush()");
    const [row] = await db.query<{ read: bigint }>(
      `SELECT (seq_tup_read + idx_tup_fetch)::bigint AS read FROM pg_stat_user_tables
       WHERE schemaname = 'farebox' AND relname = 'accounts'`,
    );
    return Number(row?.read ?? 0);
  };

  const searches: Readonly<Record<string, [filter: AccountFilter, found: number]>> = {
    "nothing, by a text": [{ q: "nobody" }, 0],
    "nothing, by two characters": [{ q: "zz" }, 0],
    "nothing, by name": [{ q: "nobody", sort: "name" }, 0],
    "nothing, with common parts": [{ q: "Customer X" }, 0],
    "one of the oldest": [{ q: "customer 17", metadata: { crm: "17" } }, 1],
    "nothing, by metadata": [{ metadata: { crm: "none" } }, 0],
    "nothing, by plan": [{ plan: "none" }, 0],
    "a page of what all have": [{ q: "CUST" }, 50],
  };
  for (const [what, [filter, found]] of Object.entries(searches)) {
    test(`reads few of them: ${what}`, async () => {
      const earlier = await countRead();
      const { items } = await listAccounts(db, { limit: 50, ...filter });
      assert.equal(items.length, found);
      const read = (await countRead()) - earlier;
      assert.ok(read < MANY / 4, `${read} accounts were read`);
    });
  }
});
