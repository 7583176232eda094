import type { z } from "@hono/zod-openapi";

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
