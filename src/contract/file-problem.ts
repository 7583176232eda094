import { FareboxError } from "../domain/farebox-error.ts";
import type { Problem } from "../domain/problem.ts";

/** One mistake in a file that a person wrote. */
export interface FileProblem extends Problem {
  /** The file as the person named it; undefined for the environment. */
  readonly file: string | undefined;
  /** Counted from 1; undefined when the place is in no file (an environment variable, a flag). */
  readonly line: number | undefined;
}

/** `farebox.yaml:12 prices[2].cost: -1 is negative; write 0 or more`. */
function formatFileProblem(problem: FileProblem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  const start = [place, problem.path].filter((part) => part !== undefined && part !== "").join(" ");
  return `${start}: ${problem.reason}; ${problem.fix}`;
}

/** Everything that is wrong in one error, so that it is fixed in one go. `detail.problems` holds the list. */
export function problemsError(
  code: "config_invalid" | "contract_invalid" | "openapi_invalid",
  subject: string,
  problems: readonly FileProblem[],
): FareboxError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const list = problems.map((problem) => `  ${formatFileProblem(problem)}`).join("\n");
  return new FareboxError(code, `${subject} has ${count}:\n${list}`, { detail: { problems } });
}
