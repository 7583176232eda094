import type { StepDone } from "./sweep-step.ts";

/** One shard, or table, that fails keeps the others from nothing: its error is thrown when they are done. */
export async function eachApart<Part>(
  parts: readonly Part[],
  run: (part: Part) => Promise<StepDone>,
): Promise<StepDone> {
  let done = 0;
  let isMore = false;
  let isPart = false;
  let passed: Error | undefined;
  let failure: { readonly error: unknown } | undefined;
  for (const part of parts) {
    try {
      const result = await run(part);
      done += result.done;
      isMore ||= result.isMore === true;
      isPart ||= result.isPart === true;
      passed ??= result.passed;
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
  return { done, isMore, passed, ...(isPart && { isPart }) };
}
