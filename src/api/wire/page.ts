import { z } from "@hono/zod-openapi";

/** The most lines on a page: a page must stay small enough to be built without slowing the requests that are metered. */
const MAX_PAGE = 500;

/** The parameters of a list. `cursor` is `next` of the page before; its text means nothing to the caller. */
export const pageQuery = z.object({
  limit: z.coerce
    .number({ error: `must be a whole number between 1 and ${MAX_PAGE}` })
    .int(`must be a whole number between 1 and ${MAX_PAGE}`)
    .min(1, `must be a whole number between 1 and ${MAX_PAGE}`)
    .max(MAX_PAGE, `must be a whole number between 1 and ${MAX_PAGE}`)
    .default(100)
    .openapi({ type: "integer", minimum: 1, maximum: MAX_PAGE, default: 100 }),
  cursor: z.string().max(500).optional().openapi({ description: "`next` of the page before." }),
});

/** The cursor of the next page, or null on the last one. */
export const nextCursor = z
  .string()
  .nullable()
  .openapi({ description: "The next page's `cursor`; null: the end." });
