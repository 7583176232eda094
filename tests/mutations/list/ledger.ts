import type { Mutation } from "../mutation.ts";

/** Code and migrations. A function that a later migration replaced is mutated there. */
export const LEDGER: readonly Mutation[] = [
  {
    name: "take a transaction that was rolled back for committed",
    why: "Whoever swallowed a refused statement loses all writes of its transaction and is told that they are made.",
    file: "src/ledger/database/pool-database.ts",
    search: `if (command !== "COMMIT")`,
    replacement: `if (command === "")`,
    tests: [
      {
        file: "src/ledger/database/database.pg.test.ts",
        title: "a transaction whose refused statement was swallowed rejects",
      },
    ],
  },
];
