import { z } from "@hono/zod-openapi";

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
