import { z } from "@hono/zod-openapi";
import { describeAnswers } from "../describe-answers.ts";
import { problemBody } from "../problem.ts";

/** Every operation under /v1 needs the operator token. */
export const OPERATOR_SECURITY = [{ operatorToken: [] }];

/** The header that makes a repeated mutation harmless. */
export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must have 1 to 255 visible ASCII characters")
    .optional()
    .openapi({
      description:
        "Sent again with the same key, the same request has one effect and gets the same answer, for 24 hours.",
    }),
});

/** A JSON body that must be there. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { "application/json": { schema } } };
}

/** A JSON body that may be left out: then it is `{}`. */
export function optionalJsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: false, content: { "application/json": { schema } } };
}

export const { answers, answersOrCsv } = describeAnswers({
  description: "Nothing was done. The code says why.",
  content: { "application/problem+json": { schema: problemBody } },
});
