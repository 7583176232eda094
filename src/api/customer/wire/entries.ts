import { z } from "@hono/zod-openapi";
import { entryBody as operatorBody, entryQuery as operatorQuery } from "../../wire/entry.ts";
import { nextCursor } from "../../wire/page.ts";

/** As operators ask, of one account. A parameter that is not known is refused: a filter that is ignored is a wrong statement. */
export const entryQuery = z.strictObject(operatorQuery.shape);

/**
 * What customers see of an entry. Named one by one, so that what operators will see besides stays with them, as the reason
 * of a refund or an adjustment and what could not be collected do.
 */
export const SHOWN = {
  creditType: true,
  seq: true,
  at: true,
  kind: true,
  amount: true,
  balance: true,
  charge: true,
  requestId: true,
  key: true,
  endpoint: true,
  units: true,
  status: true,
  priceList: true,
  grant: true,
} as const;

/** Parsing an operators' entry by it leaves the rest out. */
export const entryBody = operatorBody.pick(SHOWN).openapi("Entry");

export const entryPage = z
  .object({ account: z.string(), entries: z.array(entryBody), next: nextCursor })
  .openapi("EntryPage");
