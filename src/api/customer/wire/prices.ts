import { z } from "@hono/zod-openapi";
import { PATTERN_METHODS } from "../../../domain/routes/match-pattern.ts";
import { amountOutput } from "../../wire/amount.ts";
import { timeOutput } from "../../wire/fields.ts";
import { priceDifference } from "../../wire/price-list.ts";

/** A price in the form that docs/reference/prices.md describes. */
const priceBody = z.record(z.string(), z.unknown()).openapi("Price", {
  example: { match: "GET /v1/ip-lookup", cost: 10, credit: "credits", on: "processed" },
});

const unpriced = z
  .enum(["free", "refuse"])
  .openapi({ description: "What an endpoint without a price does: answers free of charge, or not at all." });

const priceListBody = z
  .object({
    version: z.int(),
    effectiveAt: timeOutput,
    ownVersion: z.int().nullable().openapi({
      description: "The account's own price list, whose prices come first; null: it has none then.",
    }),
    unpriced,
    prices: z.array(priceBody),
  })
  .openapi("PriceList");

export const pricesBody = z
  .object({
    inForce: priceListBody,
    announced: z.array(priceListBody.extend({ changes: priceDifference })).openapi({
      description: "In the order in which they take effect; each says what it changes in the one before.",
    }),
  })
  .openapi("Prices");

const texts = z.union([z.string(), z.array(z.string()).max(100)], {
  error: "must be a text or a list of at most 100 texts",
});

export const quoteRequest = z
  .strictObject({
    method: z.enum(PATTERN_METHODS, { error: `must be one of ${PATTERN_METHODS.join(", ")}` }),
    path: z.string({ error: "must be the request's path" }).max(8192).openapi({
      description: "With its query, if it has one: `/v1/leads?size=50`.",
      example: "/v1/businesses",
    }),
    query: z.record(z.string().max(200), texts).optional().openapi({
      description: "Further query parameters; a list stands for one that is given several times.",
    }),
    headers: z.record(z.string().max(200), z.string().max(8192)).optional(),
    // What was parsed from JSON is JSON: to check it again costs 0.3 s for a megabyte, and fails where it is nested deeply.
    body: z
      .unknown()
      .optional()
      .openapi({ type: "object", description: "The request's JSON body, as it would be sent." }),
  })
  .openapi("QuoteRequest");

export const quoteBody = z
  .object({
    endpoint: z.string().openapi({
      description: "As its price names it; `unpriced`; `open` for one that needs no key.",
      example: "POST /v1/businesses",
    }),
    priceList: z.int().openapi({
      description: "The version of the price list that it is from: everybody's, or the account's own.",
    }),
    price: priceBody
      .nullable()
      .openapi({ description: "The price that applies; null: none does, the request is free." }),
    creditType: z.string().nullable().openapi({ description: "What it spends; null: nothing." }),
    decidedOn: z.enum(["request", "answer"]).nullable().openapi({
      description:
        "What decides whether credits cover it: the most that it can cost, or what the answer turns out to cost; null: it costs nothing.",
    }),
    units: z.int().nullable().openapi({
      description:
        "Results that it can be charged for at most; 1 for a price per request; null: its price names no bound.",
    }),
    most: amountOutput
      .nullable()
      .openapi({ description: "The most that it can cost; null: only its answer tells." }),
    tier: z
      .object({
        within: z.enum(["day", "week", "month", "year"]),
        used: z.number().openapi({ description: "What was used in the present period before." }),
        most: amountOutput.openapi({
          description: "The most that it can cost in the tiers where it would be charged now.",
        }),
      })
      .nullable()
      .openapi({
        description:
          "Of a price with tiers: where the account is in them. What is set aside is `most` by the dearest tier.",
      }),
    available: amountOutput.nullable().openapi({
      description:
        "What the pool has available now, by the balance without what is held; null: it spends nothing.",
    }),
    repeat: z.boolean().openapi({
      description: "Paid for within its price's window (`once`): now it would cost nothing.",
    }),
    admitted: z.boolean().openapi({
      description:
        "Whether it would be admitted now. Request limits are left out. What is decided on the answer is always admitted, and may be refused after it.",
    }),
    refusal: z.string().nullable().openapi({
      description: "The code with which it would be refused.",
      example: "insufficient_credits",
    }),
  })
  .openapi("Quote");
