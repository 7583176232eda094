import type { z } from "@hono/zod-openapi";
import { authorize } from "./operations/authorize.ts";
import { batch } from "./operations/batch.ts";
import { extend, release } from "./operations/release.ts";
import { settle } from "./operations/settle.ts";
import { ending, refuseFields } from "./problem.ts";
import type { SidecarOperation } from "./sidecar-events.ts";
import type { SidecarParts } from "./sidecar-parts.ts";
import { authorizeAnswer, authorizeInput } from "./wire/authorize.ts";
import { batchAnswer, batchInput, MOST_CALLS } from "./wire/batch.ts";
import {
  extendAnswer,
  extendInput,
  releaseAnswer,
  releaseInput,
  settleAnswer,
  settleInput,
} from "./wire/settle.ts";

/** An operation of the sidecar: what it is asked and what it answers, once, for its checks and its document. */
export interface Operation {
  readonly name: Exclude<SidecarOperation, "forward-auth" | "ext-proc" | "other">;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly input: z.ZodType;
  readonly answer: z.ZodType;
  readonly answered: string;
  /** JSON pointers to what customers sent or get: it may be large, and is then a `ToldJson`. */
  readonly told: readonly string[];
  /** Rejects with FareboxError `request_invalid`, and as its operation does. */
  run(parts: SidecarParts, body: unknown): Promise<unknown>;
}

function operation<Input extends z.ZodType, Answer extends z.ZodType>(
  described: Omit<Operation, "run" | "input" | "answer"> & { readonly input: Input; readonly answer: Answer },
  carryOut: (parts: SidecarParts, asked: z.output<Input>) => Promise<z.input<Answer>>,
): Operation {
  return {
    ...described,
    async run(parts, body) {
      const asked = described.input.safeParse(body);
      return asked.success ? await carryOut(parts, asked.data) : refuseFields(asked.error);
    },
  };
}

export const OPERATIONS: readonly Operation[] = [
  operation(
    {
      name: "authorize",
      path: "/v1/authorize",
      summary: "Decide whether a customer's request may be served, and hold what it can cost",
      description:
        "The same decisions as at the gateway, in the same order: key, address, scopes, price, limits, credits.",
      input: authorizeInput,
      answer: authorizeAnswer,
      answered: "The decision. A refusal is one: it is ready to be sent.",
      told: ["/body"],
    },
    (parts, asked) => authorize(parts, asked),
  ),
  operation(
    {
      name: "settle",
      path: "/v1/settle",
      summary: "Charge what a request costs, by how its answer came out",
      description:
        "The charge is committed when this is answered: send the answer after it. Asked again with the same content it has one effect and one answer. With `part` it charges a part of a long hold and leaves the rest held.",
      input: settleInput,
      answer: settleAnswer,
      answered: "What became of the hold.",
      told: ["/answer/body"],
    },
    settle,
  ),
  operation(
    {
      name: "release",
      path: "/v1/release",
      summary: "Set free what a hold holds, or give back what it was charged",
      description:
        "For a request that failed: before it was settled nothing is charged, after it the charge is refunded. Again it does nothing more.",
      input: releaseInput,
      answer: releaseAnswer,
      answered: "What was given back.",
      told: [],
    },
    release,
  ),
  operation(
    {
      name: "extend",
      path: "/v1/extend",
      summary: "Hold it for longer",
      description: "From now on, whatever was left. Only a hold that has not expired.",
      input: extendInput,
      answer: extendAnswer,
      answered: "The new time.",
      told: [],
    },
    extend,
  ),
  operation(
    {
      name: "batch",
      path: "/v1/batch",
      summary: "Several calls in one",
      description:
        "Carried out at once and each as if it were alone, so two of them must not be about one hold.",
      input: batchInput,
      answer: batchAnswer,
      answered: "One answer for each call, in their order.",
      told: Array.from({ length: MOST_CALLS }, (_, at) => `/calls/${at}/request`).flatMap((call) => [
        `${call}/body`,
        `${call}/answer/body`,
      ]),
    },
    async (parts, asked) => {
      if (parts.draining && asked.calls.some((call) => call.operation === "authorize")) throw ending();
      return await batch(parts, asked);
    },
  ),
];
