import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listContracts } from "../contract/load-contract.ts";
import { loadConfig } from "./load-config.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "contracts", "examples");
/** The default, and those that have an example provider with real data. */
const ELSEWHERE = ["coresignal", "crustdata", "explorium", "farebox", "leadboxer"];

test("every shipped contract has an example configuration", () => {
  const examples = readdirSync(FOLDER).map((name) => name.replace(/\.yaml$/, ""));
  assert.deepEqual([...examples, ...ELSEWHERE].toSorted(), [...listContracts()]);
});

for (const file of readdirSync(FOLDER)) {
  test(`contracts/examples/${file} is valid, speaks its contract, and sells something in every credit type`, () => {
    const config = loadConfig(join(FOLDER, file), {});
    assert.equal(config.contract, file.replace(/\.yaml$/, ""));
    const sold = new Set(config.prices.filter((price) => !price.free).map(({ creditType }) => creditType));
    assert.deepEqual([...sold].toSorted(), [...config.creditTypes].toSorted());
  });
}
