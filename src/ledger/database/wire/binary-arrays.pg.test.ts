import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createTestDatabase, type TestDatabase } from "../../testing/test-databases.ts";
import type { Database } from "../database.ts";
import { openDatabase } from "../open-database.ts";
import { type BinaryArray, int2Array, int4Array, int8Array, uuidArray } from "./binary-arrays.ts";

for (const kind of ["postgres", "postgres 15", "pglite"] as const) {
  void describe(`binary arrays on ${kind}`, () => {
    let target: TestDatabase;
    let db: Database;

    before(async () => {
      target = await createTestDatabase(kind);
      db = await openDatabase(target.target);
    });
    after(async () => {
      await db.close();
      await target.drop();
    });

    const UUID = "0190f3a2-7c1e-4b5d-8f00-AABBCCDDEEFF";
    const cases: [string, BinaryArray, unknown[], string][] = [
      ["smallint[]", int2Array([-32_768, 0, 32_767]), [-32_768, 0, 32_767], "int2"],
      ["integer[]", int4Array([-(2 ** 31), 0, 2 ** 31 - 1]), [-(2 ** 31), 0, 2 ** 31 - 1], "int4"],
      [
        "bigint[]",
        int8Array([-(2n ** 63n), -1n, 2n ** 63n - 1n]),
        [-(2n ** 63n), -1n, 2n ** 63n - 1n],
        "int8",
      ],
      ["uuid[]", uuidArray([UUID, UUID.toLowerCase()]), [UUID.toLowerCase(), UUID.toLowerCase()], "uuid"],
    ];
    for (const [type, array, values, name] of cases) {
      test(`${type} is read as it was written`, async () => {
        const element = name === "uuid" ? "text" : type.slice(0, -2);
        const [row] = await db.query<{ values: unknown[]; first: number | null }>(
          `SELECT $1::${type}::${element}[] AS values, array_lower($1::${type}, 1) AS first`,
          [array],
        );
        assert.deepEqual(row, { values, first: 1 });
      });
    }

    for (const [type, array] of [
      ["smallint[]", int2Array([])],
      ["integer[]", int4Array([])],
      ["bigint[]", int8Array([])],
      ["uuid[]", uuidArray([])],
    ] as const) {
      test(`an empty ${type} is one`, async () => {
        const [row] = await db.query(
          `SELECT $1::${type} = '{}' AS empty, array_ndims($1::${type}) AS dimensions`,
          [array],
        );
        assert.deepEqual(row, { empty: true, dimensions: null });
      });
    }
  });
}

test("what a type does not hold is refused before it is sent", () => {
  for (const array of [
    int2Array([32_768]),
    int4Array([2 ** 31]),
    int8Array([2n ** 63n]),
    uuidArray(["0190f3a2-7c1e-4b5d-8f00-aabbccddeef"]),
    uuidArray(["0190f3a2-7c1e-4b5d-8f00-aabbccddeefg"]),
    uuidArray(["0190f3a27c1e4b5d8f00aabbccddeeff"]),
    uuidArray([""]),
  ])
    assert.throws(() => array.toBuffer(), RangeError);
});
