import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Database } from "./database/database.ts";
import { openDatabase } from "./database/open-database.ts";
import { openPostgres } from "./database/postgres.ts";
import { migrate } from "./migrate.ts";
import { readMigrations } from "./migrations.ts";
import { splitScript } from "./split-script.ts";
import { atOnce, fulfilled } from "./testing/at-once.ts";
import { renderSchema } from "./testing/render-schema.ts";
import { createTestDatabase, eachDatabase } from "./testing/test-databases.ts";

const FIX = "Start with an empty data directory or database, or go on with the Farebox that made this one.";

const BOOKKEEPING = `CREATE SCHEMA farebox; CREATE TABLE farebox.migrations (
  number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz)`;

const names = async () => (await readMigrations()).map(({ name }) => name);

eachDatabase("migrating", (openFresh, kind) => {
  let db: Database;

  before(async () => {
    db = await openFresh();
  });

  const dropAll = () => db.exec("DROP SCHEMA farebox CASCADE");

  test("a migrated database has nothing to do", async () => {
    const { applied, version } = await migrate(db);
    assert.deepEqual(applied, []);
    assert.equal(version, (await readMigrations()).length);
  });

  test("an empty database gets every migration in order, each told when it is done", async () => {
    await dropAll();
    const told: string[] = [];
    const { applied } = await migrate(db, (name) => told.push(name));
    assert.deepEqual(applied, await names());
    assert.deepEqual(told, applied);
  });

  test("of instances that start at once each migration is applied by one", async () => {
    await dropAll();
    const results = fulfilled(await atOnce(4, () => migrate(db)));
    assert.equal(results.length, 4);
    assert.deepEqual(results.flatMap(({ applied }) => applied).sort(), await names());
  });

  test("each statement comes alone, and a cluster does one thing after the other: else Citus refuses to change tables that it has spread", async () => {
    await dropAll();
    await db.exec(`
      CREATE SCHEMA seen;
      CREATE TABLE seen.statements (text text, mode text);
      CREATE FUNCTION seen.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO seen.statements VALUES (current_query(), current_setting('citus.multi_shard_modify_mode', true));
      END $$;
      CREATE EVENT TRIGGER seen_note ON ddl_command_start WHEN TAG IN ('CREATE INDEX', 'ALTER TABLE', 'DROP INDEX', 'CREATE FUNCTION')
        EXECUTE FUNCTION seen.note()`);
    await migrate(db);
    const seen = await db.query<{ text: string; mode: string }>("SELECT text, mode FROM seen.statements");
    await db.exec("DROP EVENT TRIGGER seen_note; DROP SCHEMA seen CASCADE");
    const ofMigrations = seen.filter(({ text }) => !text.includes("ensure_partitions("));
    assert.ok(ofMigrations.length > 200);
    assert.deepEqual(
      ofMigrations.filter(({ text, mode }) => splitScript(text).length !== 1 || mode !== "sequential"),
      [],
    );
  });

  test("nothing is made outside the schema farebox", async () => {
    const others = await db.query(
      "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    assert.deepEqual(others, []);
  });

  test("this month's and the next month's partitions are made ahead", async () => {
    for (const months of [0, 1]) {
      const [row] = await db.query<{ exists: boolean }>(
        `SELECT to_regclass('farebox.entries_' || to_char(
           date_trunc('month', clock_timestamp()) + make_interval(months => $1), 'YYYY_MM')) IS NOT NULL AS exists`,
        [months],
      );
      assert.equal(row?.exists, true);
    }
  });

  test("a migration whose file changed after it was applied is refused, and nothing is applied", async () => {
    const schema = await renderSchema(db);
    await db.query("UPDATE migrations SET checksum = 'other' WHERE number = 1");
    await db.query("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)");
    const [first] = await names();
    await assert.rejects(migrate(db), {
      code: "migration_changed",
      detail: { migration: first, fix: "Restore the file; put changes into a new one." },
    });
    assert.equal(await renderSchema(db), schema);
    await dropAll();
    await migrate(db);
  });

  test("a database from before the first migration of today is refused, and nothing is applied", async () => {
    for (const name of ["0001_accounts_keys_and_price_lists", "0002_pools_and_entries"]) {
      await dropAll();
      await db.exec(BOOKKEEPING);
      await db.query("INSERT INTO farebox.migrations VALUES ($1, $2, 'x')", [Number(name.slice(0, 4)), name]);
      await assert.rejects(migrate(db), {
        code: "database_from_before",
        detail: { migration: name, fix: FIX },
      });
      const [row] = await db.query<{ none: boolean }>(
        "SELECT to_regclass('farebox.accounts') IS NULL AS none",
      );
      assert.equal(row?.none, true);
    }
    await dropAll();
    await migrate(db);
  });

  test("a schema farebox that somebody else made is refused, and left as it is; an empty one is used", async () => {
    const foreign = [
      ["accounts", "CREATE TABLE farebox.accounts (id int)"],
      ["rest", "CREATE FUNCTION farebox.rest() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
      ["migrations", "CREATE TABLE farebox.migrations (id int, filename text)"],
    ] as const;
    for (const [found, made] of foreign) {
      await dropAll();
      await db.exec(`CREATE SCHEMA farebox; ${made}`);
      const count =
        "SELECT count(*)::int AS tables FROM pg_class WHERE relnamespace = 'farebox'::regnamespace";
      const there = await db.query(count);
      await assert.rejects(migrate(db), {
        code: "database_schema_taken",
        message: `The database has a schema farebox that Farebox did not make: it has ${found}, and no list of Farebox's migrations.`,
      });
      assert.deepEqual(await db.query(count), there);
    }
    await dropAll();
    await db.exec("CREATE SCHEMA farebox");
    assert.deepEqual((await migrate(db)).applied, await names());
  });

  test("a database of a newer Farebox is refused", async () => {
    await db.query(
      "INSERT INTO migrations (number, name, checksum) VALUES (9000, '9000_from_the_future', 'x')",
    );
    await assert.rejects(migrate(db), {
      code: "database_too_new",
      detail: { migration: "9000_from_the_future", fix: "Run the newer Farebox that migrated it." },
    });
    await db.query("DELETE FROM migrations WHERE number = 9000");
  });

  test("a migration that fails leaves nothing of itself, and is applied once it is fixed", async () => {
    // The first migration meets an object of its own name: the last thing that it makes exists already.
    const all = await readMigrations();
    await dropAll();
    await db.exec(`${BOOKKEEPING}; CREATE TABLE farebox.rotated_secrets (blocker int)`);
    await assert.rejects(migrate(db), { code: "42P07" });
    assert.deepEqual(await db.query("SELECT to_regclass('farebox.accounts') IS NULL AS clean"), [
      { clean: true },
    ]);
    await db.exec("DROP TABLE farebox.rotated_secrets");
    assert.equal((await migrate(db)).applied.length, all.length);
  });

  if (kind === "postgres") {
    test("a role that may not create the schema is told what lets it", async () => {
      const role = `narrow_${randomBytes(6).toString("hex")}`;
      await dropAll();
      const [server] = await db.query<{ port: string; name: string }>(
        `SELECT current_setting('port') AS port, current_database()::text AS name`,
      );
      await db.exec(`CREATE ROLE ${role} LOGIN PASSWORD 'narrow'`);
      const narrow = openPostgres({
        url: `postgres://${role}:narrow@127.0.0.1:${server?.port}/${server?.name}`,
      });
      const told = {
        code: "database_forbidden",
        message: `The role ${role} may not do what a migration needs: permission denied for database ${server?.name}.`,
        detail: {
          fix: `GRANT CREATE ON DATABASE ${server?.name} TO ${role}, or run \`farebox migrate\` as the role that owns the schema farebox.`,
        },
      };
      await assert.rejects(migrate(narrow), told);
      await db.exec(`GRANT CREATE ON DATABASE ${server?.name} TO ${role}`);
      assert.deepEqual((await migrate(narrow)).applied, await names());
      await narrow.close();
      await dropAll();
      await db.exec(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await migrate(db);
    });

    test("processes that start at once on an empty server's database share the work too", async () => {
      const fresh = await createTestDatabase("postgres");
      const pools = await Promise.all(Array.from({ length: 3 }, () => openDatabase(fresh.target)));
      await pools[0]?.exec("DROP SCHEMA farebox CASCADE");
      const results = await Promise.all(pools.map((pool) => migrate(pool)));
      assert.deepEqual(results.flatMap(({ applied }) => applied).sort(), await names());
      await Promise.all(pools.map((pool) => pool.close()));
      await fresh.drop();
    });
  }
});

describe("the files of migrations/", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "farebox-migrations-"));
    writeFileSync(join(directory, "0001_first.sql"), "SELECT 1;\n");
    writeFileSync(join(directory, "schema.sql"), "no migration");
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  const read = () => readMigrations(pathToFileURL(`${directory}/`));

  test("a checkout with other line ends is the same migration", async () => {
    const [unix] = await read();
    writeFileSync(join(directory, "0001_first.sql"), "SELECT 1;\r\n");
    assert.deepEqual(await read(), [unix]);
  });

  test("a number that is missing or double is an error", async () => {
    writeFileSync(join(directory, "0003_third.sql"), "");
    await assert.rejects(read(), /0003_third\.sql should have the number 2/);
  });
});
