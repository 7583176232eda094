import { z } from "@hono/zod-openapi";
import { timeInput, timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

/** A price in the form that the configuration has; docs/reference/prices.md describes it. */
const price = z.record(z.string(), z.unknown()).openapi({
  description: "As in farebox.yaml.",
  example: { match: "GET /v1/ip-lookup", cost: 10, on: "processed" },
});

export const newPriceList = z
  .strictObject({
    prices: z.array(price).max(10_000),
    unpriced: z.enum(["free", "refuse"]).default("free"),
    effectiveAt: timeInput.optional().openapi({ description: "From now on when absent. Not in the past." }),
  })
  .openapi("NewPriceList");

export const publicationBody = z
  .object({
    version: z.int(),
    effectiveAt: timeOutput,
    published: z
      .boolean()
      .openapi({ description: "False: the list in force at that time is the same; nothing was published." }),
  })
  .openapi("Publication");

export const priceListBody = z
  .object({
    version: z.int(),
    state: z.enum(["in_force", "announced", "past", "cancelled"]),
    effectiveAt: timeOutput,
    publishedAt: timeOutput,
    cancelledAt: timeOutput.nullable(),
    unpriced: z.enum(["free", "refuse"]),
    prices: z.array(price),
  })
  .openapi("PriceList");

export const priceListPage = z
  .object({ priceLists: z.array(priceListBody), next: nextCursor })
  .openapi("PriceListPage");
