import { z } from "@hono/zod-openapi";
import { entryBody as operatorBody, entryQuery as operatorQuery } from "../../operator/wire/entry.ts";
import { nextCursor } from "../../operator/wire/page.ts";

/** As operators ask, of one account. A parameter that is not known is refused: a filter that is ignored is a wrong statement. */
export const entryQuery = z.strictObject(operatorQuery.shape);

/** What operators write to each other stays with them: the reason of a refund or an adjustment, and what could not be collected. */
export const HIDDEN = { reason: true, uncollected: true } as const;

const entryBody = operatorBody.omit(HIDDEN).openapi("Entry");

export const entryPage = z
  .object({ account: z.string(), entries: z.array(entryBody), next: nextCursor })
  .openapi("EntryPage");
