import assert from "node:assert/strict";
import type { FileProblem } from "../../contract/file-problem.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { parseConfig } from "../load-config.ts";
import type { EnvironmentVariables } from "../substitute-environment.ts";

/** Reads a configuration as if it stood in farebox.yaml. */
export const parse = (text: string, variables: EnvironmentVariables = {}) =>
  parseConfig("farebox.yaml", text, variables);

function refusalOf(text: string, variables: EnvironmentVariables): unknown {
  try {
    parse(text, variables);
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What is wrong with a configuration. */
export function problemsOf(text: string, variables: EnvironmentVariables = {}): readonly FileProblem[] {
  const error = refusalOf(text, variables);
  assert.ok(error instanceof FareboxError, "the configuration was accepted");
  assert.equal(error.code, "config_invalid");
  assert.equal(error.retryable, false);
  const problems = error.detail["problems"] as readonly FileProblem[];
  for (const { path, fix } of problems) {
    assert.notEqual(fix, "", path);
    assert.notEqual(fix, "see the reference", path);
  }
  return problems;
}

/** The one problem of a configuration that has only `upstream` and these lines. */
export function problemOf(lines: string, variables: EnvironmentVariables = {}): FileProblem {
  const problems = problemsOf(`upstream: http://127.0.0.1:9000\n${lines}\n`, variables);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  return problems[0] as FileProblem;
}
