import type { z } from "@hono/zod-openapi";
import { describeProblem, isFault } from "../problem.ts";
import type { SidecarParts } from "../sidecar-parts.ts";
import type { batchAnswer, batchInput } from "../wire/batch.ts";
import { authorize } from "./authorize.ts";
import { extend, release } from "./release.ts";
import { settle } from "./settle.ts";

type Answer = z.input<typeof batchAnswer>["answers"][number];
type Call = z.output<typeof batchInput>["calls"][number];

/** `POST /v1/batch`: all at once, each as if it were alone. What fails of one concerns no other. */
export async function batch(
  parts: SidecarParts,
  { calls }: z.output<typeof batchInput>,
): Promise<z.input<typeof batchAnswer>> {
  return { answers: await Promise.all(calls.map((call) => answer(parts, call))) };
}

async function answer(parts: SidecarParts, call: Call): Promise<Answer> {
  try {
    return { status: 200, body: await run(parts, call) };
  } catch (error) {
    if (isFault(error)) parts.events.failed(error);
    const { status, body } = describeProblem(error);
    return { status, body: JSON.parse(body) };
  }
}

async function run(parts: SidecarParts, call: Call): Promise<Answer["body"]> {
  if (call.operation === "authorize") return await authorize(parts, call.request);
  if (call.operation === "settle") return await settle(parts, call.request);
  if (call.operation === "release") return await release(parts, call.request);
  return await extend(parts, call.request);
}
