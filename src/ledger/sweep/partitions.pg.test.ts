import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import type { Database } from "../database/database.ts";
import { openPostgres } from "../database/postgres.ts";
import { migrate } from "../migrate.ts";
import { eachDatabase } from "../testing/test-databases.ts";
import { createPartitionStep, ensurePartitions } from "./partitions.ts";

eachDatabase("partitions of the months to come", (openFresh, kind) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  /** The months ahead that have a partition, as numbers from now on. */
  async function listAhead(): Promise<number[]> {
    const rows = await db.query<{ k: number }>(
      `SELECT k FROM generate_series(0, 5) k WHERE EXISTS (
         SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'farebox.entries'::regclass
           AND c.relname = to_char(date_trunc('month', now()) + make_interval(months => k), '"entries_"YYYY_MM')
       ) ORDER BY k`,
    );
    return rows.map(({ k }) => k);
  }

  const nameOf = async (ahead: number): Promise<string> => {
    const [row] = await db.query<{ name: string }>(
      `SELECT to_char(date_trunc('month', now()) + make_interval(months => $1), '"entries_"YYYY_MM') AS name`,
      [ahead],
    );
    return row?.name ?? "";
  };

  const countCatalog = async (): Promise<bigint | undefined> =>
    (await db.query<{ oid: bigint }>("SELECT max(oid::bigint) AS oid FROM pg_class"))[0]?.oid;

  test("those that are missing are made, also by several at once", async () => {
    await db.exec(`DROP TABLE farebox.${await nameOf(2)}, farebox.${await nameOf(3)}`);
    const problems = await Promise.all([1, 2, 3].map(() => ensurePartitions(db)));
    assert.deepEqual(problems, [[], [], []]);
    assert.deepEqual(await listAhead(), [0, 1, 2, 3]);
    await assert.doesNotReject(createPartitionStep(db).run({ all: [], with: () => [] }, true));
  });

  test("a month that has entries in the default partition is named; the others are made, and nothing is created in vain", async () => {
    const [blocked, free] = [await nameOf(2), await nameOf(3)];
    await db.exec(`DROP TABLE farebox.${blocked}, farebox.${free}`);
    await db.exec(`INSERT INTO farebox.entries (account_no, type_no, shard, seq, at, amount, balance, spent, kind)
      VALUES (1, 1, 0, 1, date_trunc('month', now()) + interval '2 months', 1, 1, 0, 'g')`);
    const expected = `farebox.entries_default has entries of the month of ${blocked}`;
    assert.deepEqual(await ensurePartitions(db), [expected]);
    assert.deepEqual(await listAhead(), [0, 1, 3]);
    const countBefore = await countCatalog();
    await assert.rejects(createPartitionStep(db).run({ all: [], with: () => [] }, true), {
      code: "partitions_missing",
      detail: { problems: [expected] },
    });
    assert.equal(await countCatalog(), countBefore, "no table was created and dropped again");
    await db.exec(await readFix());
    assert.deepEqual(await listAhead(), [0, 1, 2, 3]);
    assert.deepEqual(await db.query("SELECT tableoid::regclass::text AS name FROM farebox.entries"), [
      { name: blocked },
    ]);
    await assert.rejects(db.exec("DELETE FROM farebox.entries"), { code: "FB003" });
    await db.exec("TRUNCATE farebox.entries");
  });

  test("a month whose table is taken, or of which another partition has a part, is named; the others are made, in vain nothing", async () => {
    const [taken, partly, free] = [await nameOf(1), await nameOf(2), await nameOf(3)];
    await db.exec(`DROP TABLE farebox.${taken}, farebox.${partly}, farebox.${free}`);
    const half = "date_trunc('month', now()) + interval '2 months 14 days'";
    const [bound] = await db.query<{ from: string; to: string }>(
      `SELECT (${half})::text AS from, (date_trunc('month', now()) + interval '3 months')::text AS to`,
    );
    await db.exec(`CREATE TABLE farebox.${taken} (LIKE farebox.entries);
      CREATE TABLE farebox.mine PARTITION OF farebox.entries FOR VALUES FROM ('${bound?.from}') TO ('${bound?.to}')`);
    const inPlace = (name: string, other: string): string =>
      `${name} cannot be made: farebox.${other} is in its place, and is no partition of all of its month`;
    const problems = [inPlace(taken, taken), inPlace(partly, "mine")];
    assert.deepEqual(await ensurePartitions(db), problems);
    assert.deepEqual(await listAhead(), [0, 3]);
    const countBefore = await countCatalog();
    assert.deepEqual(await ensurePartitions(db), problems);
    assert.equal(await countCatalog(), countBefore, "no table was created and dropped again");
    // A start goes on without them, and says so.
    assert.deepEqual((await migrate(db)).missing, problems);
    await db.exec(`DROP TABLE farebox.${taken}, farebox.mine`);
    assert.deepEqual(await ensurePartitions(db), []);
    assert.deepEqual(await listAhead(), [0, 1, 2, 3]);
  });

  test("a partition of another name that has all of the month is as good", async () => {
    const name = await nameOf(2);
    await db.exec(`ALTER TABLE farebox.${name} RENAME TO entries_of_a_month`);
    assert.deepEqual(await ensurePartitions(db), []);
    await db.exec(`ALTER TABLE farebox.entries_of_a_month RENAME TO ${name}`);
  });

  if (kind === "postgres") {
    test("a role that may not create tables is told so, and creates nothing", async () => {
      const missing = await nameOf(3);
      await db.exec(`DROP TABLE farebox.${missing}`);
      const role = `narrow_${randomBytes(6).toString("hex")}`;
      await db.exec(`CREATE ROLE ${role} LOGIN PASSWORD 'narrow'; GRANT USAGE ON SCHEMA farebox TO ${role};
        GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA farebox TO ${role}`);
      const [server] = await db.query<{ port: string; name: string }>(
        "SELECT current_setting('port') AS port, current_database()::text AS name",
      );
      const narrow = openPostgres({
        url: `postgres://${role}:narrow@127.0.0.1:${server?.port}/${server?.name}`,
      });
      const countBefore = await countCatalog();
      assert.deepEqual(await ensurePartitions(narrow), [
        `the role ${role} may not create ${missing}: it must own farebox.entries and may create in its schema`,
      ]);
      assert.equal(await countCatalog(), countBefore);
      await narrow.close();
      await db.exec(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      assert.deepEqual(await ensurePartitions(db), []);
    });

    test("while another session is to make them, those that are missing are not taken for made", async () => {
      const missing = await nameOf(3);
      const step = createPartitionStep(db);
      await db.transaction(async (tx) => {
        await tx.query("SELECT pg_advisory_xact_lock(hashtext('farebox.ensure_partitions'))");
        await step.run({ all: [], with: () => [] }, true);
        await db.exec(`DROP TABLE farebox.${missing}`);
        // A step that rejects moves no last success.
        await assert.rejects(step.run({ all: [], with: () => [] }, true), {
          code: "partitions_missing",
          detail: {
            problems: [
              `${missing} is missing, and another session that is to make it does not come to its end`,
            ],
          },
        });
      });
      await step.run({ all: [], with: () => [] }, true);
      assert.deepEqual(await listAhead(), [0, 1, 2, 3]);
    });

    test("while somebody reads the default partition nothing is created, and nobody waits long", async () => {
      await db.exec(`DROP TABLE farebox.${await nameOf(3)}`);
      const countBefore = await countCatalog();
      await db.transaction(async (tx) => {
        await tx.query("SELECT count(*) FROM farebox.entries");
        const problems = await ensurePartitions(db);
        assert.match(problems.join(), /cannot be made now: farebox\.entries is being read/);
      });
      assert.equal(await countCatalog(), countBefore);
      assert.deepEqual(await ensurePartitions(db), []);
    });
  }
});

/** The script that docs/operating/storage.md gives. */
async function readFix(): Promise<string> {
  const document = await readFile(new URL("../../../docs/operating/storage.md", import.meta.url), "utf8");
  return /```sql\n(BEGIN;[\s\S]*?COMMIT;)\n```/.exec(document)?.[1] ?? assert.fail("there is no script");
}
