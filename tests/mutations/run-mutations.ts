import type { TestRun, WorkingCopy } from "./copied-repository.ts";
import type { Mutation, NamedTest } from "./mutation.ts";
import type { TestResult } from "./test-results.ts";

export interface MutationResult {
  readonly name: string;
  /** `void`: the fault is no longer one, so its tests say nothing. */
  readonly outcome: "caught" | "survived" | "void";
  readonly seconds: number;
  /** The first failure of a test that caught it, which tells whether for the right reason; or what is wrong. */
  readonly reason: string;
}

/** What keeps the named tests from telling anything: without any fault they are red, or there are none. */
export async function findUnusable(copy: WorkingCopy, mutations: readonly Mutation[]): Promise<string[]> {
  const tests = mutations.flatMap((mutation) => mutation.tests);
  const run = await copy.test(tests);
  if (run.hung) return ["the tests do not end"];
  return tests.flatMap((test) => {
    const results = resultsOf(run, test);
    if (results.length === 0) return [`${test.file} has no test "${test.title}"`];
    return results
      .filter(({ passed }) => !passed)
      .map(({ title, message }) => `"${title}" is red without any fault: ${message}`);
  });
}

export async function tryMutation(copy: WorkingCopy, mutation: Mutation): Promise<MutationResult> {
  const begun = performance.now();
  const judged = await copy.with(mutation, async () => {
    const refused = mutation.file.endsWith(".sql") ? copy.migrate() : undefined;
    if (refused !== undefined) return { outcome: "void", reason: refused } as const;
    return judge(mutation, await copy.test(mutation.tests));
  });
  return { name: mutation.name, ...judged, seconds: (performance.now() - begun) / 1000 };
}

/** Caught: each of the named tests turned red by itself. A suite that never ends is noticed too. */
function judge({ tests }: Mutation, run: TestRun): Pick<MutationResult, "outcome" | "reason"> {
  if (run.hung) return { outcome: "caught", reason: "the tests did not end" };
  const failures: TestResult[] = [];
  for (const test of tests) {
    const results = resultsOf(run, test);
    const failed = results.find(({ failedItself }) => failedItself);
    if (failed !== undefined) failures.push(failed);
    else if (results.length > 0 && results.every(({ passed }) => passed)) {
      return { outcome: "survived", reason: `"${test.title}" of ${test.file} is green` };
    } else return { outcome: "void", reason: `"${test.title}" of ${test.file} could not run` };
  }
  return { outcome: "caught", reason: oneLine(failures[0]?.message ?? "") };
}

function resultsOf(run: TestRun, { title }: NamedTest): TestResult[] {
  return run.results.filter((result) => result.title.includes(title));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
