import { z } from "@hono/zod-openapi";

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

/** How operations of an API describe their answers. `failure`: how every answer looks that is not a success. */
export function describeAnswers<Failure>(failure: Failure) {
  return {
    /** A JSON answer. */
    answers: <Status extends number, Schema extends z.ZodType>(
      status: Status,
      description: string,
      schema: Schema,
    ) => {
      const success = { description, content: { "application/json": { schema } } };
      return { [status]: success, default: failure } as {
        [Key in Status]: typeof success;
      } & { default: Failure };
    },
    /** The same, of an operation that also answers with a table when it is asked for CSV. */
    answersOrCsv: <Schema extends z.ZodType>(description: string, schema: Schema) => {
      const content = { "application/json": { schema }, "text/csv": { schema: z.string() } };
      return { 200: { description, content }, default: failure };
    },
  };
}
