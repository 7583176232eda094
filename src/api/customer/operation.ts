import { z } from "@hono/zod-openapi";

/** Every operation needs a key of the account, as the contract reads it. */
export const CUSTOMER_SECURITY = [{ key: [] }];

/** A JSON answer. Every other one has the contract's error shape, which is not known here. */
export function answers<Status extends number, Schema extends z.ZodType>(
  status: Status,
  description: string,
  schema: Schema,
) {
  const success = { description, content: { "application/json": { schema } } };
  const failure = { description: "Nothing was done. In the error shape of this API." };
  return { [status]: success, default: failure } as {
    [Key in Status]: typeof success;
  } & { default: typeof failure };
}

/** The same, of an operation that also answers with a table when it is asked for CSV. */
export function answersOrCsv<Schema extends z.ZodType>(description: string, schema: Schema) {
  const { default: failure } = answers(200, description, schema);
  const content = { "application/json": { schema }, "text/csv": { schema: z.string() } };
  return { 200: { description, content }, default: failure };
}
