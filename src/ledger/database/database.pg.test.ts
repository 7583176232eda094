import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eachDatabase } from "../testing/test-databases.ts";
import { type Database, TRANSACTION_ATTEMPTS } from "./database.ts";
import { constraintOf, sqlStateOf } from "./storage-error.ts";
import { int4Array } from "./wire/binary-arrays.ts";

eachDatabase("a database", (openFresh, kind) => {
  let database: Database;

  before(async () => {
    database = await openFresh();
    await database.exec("CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL)");
  });

  test("says which kind it is", () => {
    assert.equal(database.kind, kind);
  });

  test("rows are the same JavaScript values on both", async () => {
    const [row] = await database.query(`SELECT 9007199254740993::bigint AS int8, 7::int AS int4, true AS bool,
      NULL::bigint AS nothing, 'é"\\' AS text, '{"a":[1,null]}'::jsonb AS jsonb, '[1]'::json AS json,
      '\\x00ff'::bytea AS bytea, '2026-02-28 23:59:59.123456+02'::timestamptz AS timestamptz,
      0.5::float8 AS float8, 1.50::numeric AS numeric`);
    assert.deepEqual(row, {
      int8: 9007199254740993n,
      int4: 7,
      bool: true,
      nothing: null,
      text: 'é"\\',
      jsonb: { a: [1, null] },
      json: [1],
      bytea: new Uint8Array([0, 255]),
      timestamptz: new Date("2026-02-28T21:59:59.123Z"),
      float8: 0.5,
      numeric: "1.50",
    });
  });

  test("arrays come back as arrays", async () => {
    const [row] =
      await database.query(`SELECT '{}'::text[] AS empty, ARRAY['a,b', 'c"d\\', NULL, 'NULL', ''] AS texts,
      ARRAY[1, NULL]::bigint[] AS int8s, ARRAY[true, false] AS bools,
      ARRAY['2026-01-01Z']::timestamptz[] AS times`);
    assert.deepEqual(row, {
      empty: [],
      texts: ["a,b", 'c"d\\', null, "NULL", ""],
      int8s: [1n, null],
      bools: [true, false],
      times: [new Date("2026-01-01T00:00:00Z")],
    });
  });

  test("every kind of parameter arrives as what it is", async () => {
    const at = new Date("2026-03-31T01:02:03.456Z");
    const text = `SELECT $1::bigint AS int8, $2::int AS int4, $3::bool AS bool, $4::timestamptz AS at, $5::bytea AS bytes,
        $6::text AS text, $7::text AS nothing, $8::bigint[] AS int8s, $9::text[] AS texts, $10::jsonb AS json,
        $11::text::bigint[] AS literal, $12::text AS "noText", $13::text AS "wideText", $14::int[] AS "binaryArray"`;
    const parameters = [
      2n ** 62n,
      -5,
      false,
      at,
      new Uint8Array([1, 0, 2]),
      "{x}",
      undefined,
      [1n, null, -3n],
      ['a"b\\c', "{,}", "", null, "NULL"],
      JSON.stringify([{ a: 1 }]),
      [5n, 6n],
      "",
      "\u00fc\u20ac\u{1f600}",
      int4Array([7, -8]),
    ];
    const expected = {
      int8: 2n ** 62n,
      int4: -5,
      bool: false,
      at,
      bytes: new Uint8Array([1, 0, 2]),
      text: "{x}",
      nothing: null,
      int8s: [1n, null, -3n],
      texts: ['a"b\\c', "{,}", "", null, "NULL"],
      json: [{ a: 1 }],
      literal: [5n, 6n],
      noText: "",
      wideText: "\u00fc\u20ac\u{1f600}",
      binaryArray: [7, -8],
    };
    const named = { name: "every-kind", text };
    await database.transaction(async (tx) => {
      // Without a name, with one that is parsed and described first, and with one that was.
      for (const statement of [text, named, named, text]) {
        assert.deepEqual(await tx.query(statement, parameters), [expected]);
      }
    });
  });

  test("a named statement takes a megabyte, and no parameter at all", async () => {
    const bytes = new Uint8Array(1_000_000).map((_, index) => index % 251);
    const echo = { name: "echo-bytes", text: "SELECT $1::bytea AS bytes, $2::text AS text" };
    const one = { name: "one", text: "SELECT 1 AS one" };
    await database.transaction(async (tx) => {
      for (let times = 0; times < 2; times += 1) {
        assert.deepEqual(await tx.query(echo, [bytes, "after"]), [{ bytes, text: "after" }]);
        assert.deepEqual(await tx.query(one), [{ one: 1 }]);
      }
    });
  });

  test("what a binary array does not hold is refused before anything is sent", async () => {
    const echo = { name: "echo-array", text: "SELECT $1::int[] AS list" };
    await database.transaction(async (tx) => {
      for (const statement of [echo, echo.text]) {
        await assert.rejects(tx.query(statement, [int4Array([2 ** 31])]), RangeError);
        assert.deepEqual(await tx.query(statement, [int4Array([1])]), [{ list: [1] }]);
      }
    });
  });

  test("a megabyte goes in and out", async () => {
    const bytes = new Uint8Array(1_000_000).map((_, index) => index % 251);
    const [row] = await database.query<{ bytes: Uint8Array }>("SELECT $1::bytea AS bytes", [bytes]);
    assert.ok(row !== undefined && Buffer.compare(row.bytes, bytes) === 0);
  });

  test("connections work in the schema farebox and in UTC", async () => {
    assert.deepEqual(
      await database.query("SELECT current_schema() AS schema, current_setting('timezone') AS zone"),
      [{ schema: "farebox", zone: "UTC" }],
    );
  });

  test("a named statement is prepared once per connection", async () => {
    const statement = { name: "add-one", text: "SELECT $1::int + 1 AS sum" };
    await database.transaction(async (tx) => {
      for (const value of [1, 2]) {
        assert.deepEqual(await tx.query(statement, [value]), [{ sum: value + 1 }]);
      }
      assert.deepEqual(await tx.query("SELECT count(*) FROM pg_prepared_statements WHERE name = 'add-one'"), [
        { count: 1n },
      ]);
    });
  });

  test("a named statement's rows are the same whether it is described or was before", async () => {
    const rows = {
      name: "rows",
      text: `SELECT n, CASE WHEN n > 1 THEN n::bigint END AS big, ARRAY[n, NULL] AS list, 'a' || n AS "the text"
        FROM generate_series(1, $1::int) n`,
    };
    const expected = [
      { n: 1, big: null, list: [1, null], "the text": "a1" },
      { n: 2, big: 2n, list: [2, null], "the text": "a2" },
    ];
    await database.transaction(async (tx) => {
      for (const count of [2, 0, 1, 2])
        assert.deepEqual(await tx.query(rows, [count]), expected.slice(0, count));
    });
  });

  test("a named statement may answer no rows, and be refused in between", async () => {
    const insert = {
      name: "insert-item",
      text: "INSERT INTO items (id, name) VALUES ($1::bigint, $2::text)",
    };
    await database.transaction(async (tx) => {
      for (const id of [101n, 102n]) assert.deepEqual(await tx.query(insert, [id, "n"]), []);
      await tx.query("SAVEPOINT before");
      const error: unknown = await tx.query(insert, [102n, "n"]).catch((caught: unknown) => caught);
      assert.equal(constraintOf(error), "items_pkey");
      assert.match((error as Error).stack ?? "", /database\.pg\.test\.ts/);
      await tx.query("ROLLBACK TO before");
      assert.deepEqual(await tx.query(insert, [103n, "n"]), []);
      const kept = await tx.query("SELECT id FROM items WHERE id > 100 ORDER BY id");
      assert.deepEqual(kept, [{ id: 101n }, { id: 102n }, { id: 103n }]);
      await tx.query("DELETE FROM items WHERE id > 100");
    });
  });

  test("a name that stands for two texts is refused before anything is sent", async () => {
    await database.transaction(async (tx) => {
      await tx.query({ name: "twice", text: "SELECT 1 AS one" });
      await assert.rejects(
        tx.query({ name: "twice", text: "SELECT 2 AS two" }),
        /twice stands for two texts/,
      );
    });
    assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
  });

  test("more callers than connections are all served", async () => {
    const sum = { name: "sum", text: "SELECT $1::int + 1 AS sum" };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        if (n % 3 > 0) return database.query<{ sum: number }>(sum, [n]);
        return database.transaction((tx) => tx.query<{ sum: number }>(sum, [n]));
      }),
    );
    assert.deepEqual(
      answers.map(([row]) => row?.sum),
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
  });

  test("a refused statement rejects with its SQLSTATE and constraint, and the connection lives on", async () => {
    const insert = "INSERT INTO items (id, name) VALUES (1, 'one')";
    await database.query(insert);
    const error: unknown = await database.query(insert).catch((caught: unknown) => caught);
    assert.equal(sqlStateOf(error), "23505");
    assert.equal(constraintOf(error), "items_pkey");
    assert.deepEqual(await database.query("SELECT name FROM items WHERE id = 1"), [{ name: "one" }]);
  });

  test("a transaction that throws leaves nothing behind", async () => {
    const failed = database.transaction(async (tx) => {
      await tx.query("INSERT INTO items VALUES (2, 'two')");
      throw new Error("changed my mind");
    });
    await assert.rejects(failed, /changed my mind/);
    assert.deepEqual(await database.query("SELECT FROM items WHERE id = 2"), []);
  });

  test("a transaction whose refused statement was swallowed rejects instead of losing its writes silently", async () => {
    const failed = database.transaction(async (tx) => {
      await tx.query("INSERT INTO items VALUES (3, 'three')");
      await tx.query("SELECT 1/0").catch(() => undefined);
    });
    await assert.rejects(failed, /rolled back/);
    assert.deepEqual(await database.query("SELECT FROM items WHERE id = 3"), []);
  });

  test("transactions at once do not mix", async () => {
    const add = (id: number, fails: boolean) =>
      database.transaction(async (tx) => {
        await tx.query("INSERT INTO items VALUES ($1, $2)", [id, "many"]);
        await tx.query("SELECT pg_sleep(0.002)");
        if (fails) throw new Error("no");
      });
    const ids = Array.from({ length: 20 }, (_, index) => 100 + index);
    await Promise.allSettled(ids.map((id) => add(id, id % 2 === 1)));
    const rows = await database.query<{ id: bigint }>("SELECT id FROM items WHERE id >= 100 ORDER BY id");
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      ids.filter((id) => id % 2 === 0),
    );
  });

  test("the victim of a serialization failure runs again, and not for ever", async () => {
    let runs = 0;
    const fail = (times: number) =>
      database.transaction(async (tx) => {
        runs += 1;
        if (runs <= times) await tx.exec("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$");
        return runs;
      });
    assert.equal(await fail(2), 3);
    runs = 0;
    await assert.rejects(fail(99), { code: "storage_unavailable", retryable: true });
    assert.equal(runs, TRANSACTION_ATTEMPTS);
  });
});
