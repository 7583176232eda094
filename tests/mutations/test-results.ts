import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** How one test ended, a line of JSON. */
export interface TestResult {
  readonly title: string;
  readonly passed: boolean;
  /** The test's own code failed, or took too long; not a hook of its suite, nor a file that cannot be loaded. */
  readonly failedItself: boolean;
  readonly message: string;
}

/** What node calls a failure of the test itself. */
const ITSELF: ReadonlySet<unknown> = new Set(["testCodeFailure", "testTimeoutFailure"]);

/** A reporter of node's test runner for a program that reads the results. */
export default async function* testResults(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if ((type !== "test:pass" && type !== "test:fail") || data.skip !== undefined) continue;
    const error = "error" in data.details ? data.details.error : undefined;
    const { failureType, cause } = { failureType: undefined, cause: undefined, ...error };
    const result: TestResult = {
      title: data.name,
      passed: type === "test:pass",
      failedItself: ITSELF.has(failureType),
      message: messageOf(cause),
    };
    yield `${JSON.stringify(result)}\n`;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : inspect(cause);
}
