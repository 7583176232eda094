import { z } from "@hono/zod-openapi";
import { accountParams, timeInput, timeOutput, versionParams } from "./fields.ts";
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
    replacedBy: z
      .object({ version: z.int(), effectiveAt: timeOutput })
      .nullable()
      .openapi({ description: "The announced list that takes its place later, if there is one." }),
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

export const diffQuery = z.object({
  against: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, "must be the number of a price list")
    .transform(Number)
    .optional()
    .openapi({
      type: "integer",
      description: "The list to compare with; the one that this one replaces in time when absent.",
    }),
});

const listedPrice = z.object({
  endpoint: z.string().openapi({ example: "GET /v1/ip-lookup" }),
  plans: z
    .array(z.string())
    .openapi({ description: "The plans whose accounts it is for; none: every account." }),
  when: z
    .array(z.record(z.string(), z.unknown()))
    .openapi({ description: "The conditions, which tell prices of one endpoint apart." }),
  price: price.openapi({ description: "With every default written out." }),
});

const changedPrice = listedPrice.omit({ price: true }).extend({
  members: z
    .array(z.object({ member: z.string(), from: z.unknown(), to: z.unknown() }))
    .openapi({ example: [{ member: "cost", from: 10, to: 20 }] }),
});

const unpriced = z.enum(["free", "refuse"]);

export const priceDifference = z
  .object({
    added: z.array(listedPrice),
    removed: z.array(listedPrice),
    changed: z.array(changedPrice),
    reordered: z.array(z.string()).openapi({
      description:
        "Endpoints whose conditional prices are tried in another order: the first that holds applies.",
    }),
    unpriced: z
      .object({ from: unpriced, to: unpriced })
      .nullable()
      .openapi({ description: "What endpoints without a price do; null when it stays." }),
  })
  .openapi("PriceDifference");

export const priceListDiff = priceDifference
  .extend({
    version: z.int(),
    effectiveAt: timeOutput,
    against: z
      .int()
      .nullable()
      .openapi({ description: "The list compared with; null for the first one: everything is added." }),
  })
  .openapi("PriceListDiff");

export const priceSchedule = z
  .object({
    inForce: priceListBody.nullable().openapi({ description: "Null before the first list." }),
    announced: z.array(priceListBody).openapi({ description: "The soonest first." }),
  })
  .openapi("PriceSchedule");

export const newAccountPrices = z
  .strictObject({
    prices: z.array(price).min(1).max(1_000).openapi({
      description:
        "They go before those that everybody has: to the account it is as if they stood first in the list.",
    }),
    effectiveAt: timeInput.optional().openapi({ description: "From now on when absent. Not in the past." }),
    until: timeInput.optional().openapi({
      description:
        "From here on they do not apply; when absent, until a later list of the account takes effect.",
    }),
  })
  .openapi("NewAccountPrices");

export const accountPricesBody = z
  .object({
    version: z.int().openapi({ description: "Of the numbers of all price lists: charges name it." }),
    account: z.string(),
    state: z.enum(["announced", "in_force", "replaced", "past", "cancelled"]).openapi({
      description:
        "`replaced`: a list that took effect later applies instead; where that one ends first, this one applies again.",
    }),
    effectiveAt: timeOutput,
    until: timeOutput.nullable(),
    publishedAt: timeOutput,
    cancelledAt: timeOutput.nullable(),
    prices: z.array(price),
  })
  .openapi("AccountPrices");

export const accountPricesPage = z
  .object({ priceLists: z.array(accountPricesBody), next: nextCursor })
  .openapi("AccountPricesPage");

export const accountPricesParams = accountParams.extend(versionParams.shape);
