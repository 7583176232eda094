import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { creditTypeInput, endpointInput, formatInput, timeInput, timeOutput } from "./fields.ts";
import { nextCursor, pageQuery } from "./page.ts";

/** The kinds of a ledger's lines. */
const entryKind = z.enum(["grant", "charge", "refund", "expiry", "adjustment"]);

export const entryQuery = pageQuery.extend({
  creditType: creditTypeInput.optional().openapi({ description: "The first credit type when absent." }),
  kind: entryKind.optional(),
  key: z.string().max(64).optional(),
  endpoint: endpointInput.optional(),
  from: timeInput.optional().openapi({ description: "Entries at or after this moment." }),
  to: timeInput.optional().openapi({ description: "Entries before this moment." }),
  format: formatInput,
});

export const entryBody = z
  .object({
    creditType: z.string(),
    seq: z.int().openapi({ description: "The pool's number of the line, without gaps." }),
    at: timeOutput,
    kind: entryKind,
    amount: amountOutput.openapi({ description: "Signed: a charge is negative." }),
    balance: amountOutput.openapi({ description: "The pool's balance after the line." }),
    uncollected: amountOutput.openapi({ description: "What a charge asked for and the pool did not cover." }),
    charge: z.string().nullable().openapi({ description: "The charge, or the one that a refund reverses." }),
    requestId: z.string().nullable(),
    key: z.string().nullable(),
    endpoint: z.string().nullable(),
    units: z.int().nullable(),
    status: z.int().nullable(),
    priceList: z.int().nullable(),
    grant: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .openapi("Entry");

export const entryPage = z
  .object({ account: z.string(), entries: z.array(entryBody), next: nextCursor })
  .openapi("EntryPage");
