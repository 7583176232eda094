import assert from "node:assert/strict";
import { test } from "node:test";
import { listContracts, loadContract } from "./load-contract.ts";

test("every shipped contract loads under its name", () => {
  assert.deepEqual(listContracts(), ["coresignal", "crustdata", "explorium", "farebox", "leadboxer"]);
  for (const name of listContracts()) assert.equal(loadContract(name).name, name);
});
