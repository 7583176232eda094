import assert from "node:assert/strict";
import type { Contract } from "../contract.ts";
import type { FileProblem } from "../file-problem.ts";
import { parseContract, readDefaults } from "../load-contract.ts";

const SMALL = `
name: own
key: [{ header: x-api-key }]
errorShape: { body: { code: "\${code}", message: "\${message}" } }
`;

/** A contract of a few lines. `text` is what comes after its name, its key and its error shape. */
export function ownContract(text: string): Contract {
  const read = parseContract("own.yaml", SMALL + text, readDefaults());
  if ("problems" in read)
    assert.fail(read.problems.map(({ path, reason }) => `${path}: ${reason}`).join("; "));
  return read.contract;
}

/** What is wrong with such a contract. */
export function ownProblems(text: string): readonly FileProblem[] {
  const read = parseContract("own.yaml", SMALL + text, readDefaults());
  assert.ok("problems" in read);
  return read.problems;
}
