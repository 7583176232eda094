import { z } from "@hono/zod-openapi";
import { type Credits, parseCredits } from "../../domain/credits.ts";
import { LONGEST_SECONDS, LONGEST_SHORT_SECONDS } from "../../holds/hold.ts";
import { ToldJson } from "../told-json.ts";

const AMOUNT = "must be a decimal number of credits, from 0 to 1000000000, with at most 6 decimals";

/** An amount of credits in a request: a plain decimal number, or the same as text. */
export const amountInput = z
  .union([z.number(), z.string()], { error: AMOUNT })
  .transform((value, context): Credits => {
    const amount = parseCredits(value);
    if (amount !== undefined) return amount;
    context.addIssue({ code: "custom", message: AMOUNT });
    return z.NEVER;
  })
  .openapi({ type: "number", description: `Credits: ${AMOUNT}.`, example: 3.5 });

/** An amount of credits in an answer. */
export const amountOutput = z
  .number()
  .openapi({ description: "Credits, exact to six decimals.", example: 9406.5 });

/** A header of HTTP. */
const headerBody = z.object({ name: z.string(), value: z.string() }).openapi("Header");

export const headerList = z.array(headerBody);

/** Bytes as text; of a large message `ToldJson`. */
export const base64Input = z
  .union(
    [
      z.base64({ error: "must be base64" }),
      z.instanceof(ToldJson).refine(({ isText }) => isText, { error: "must be base64" }),
    ],
    { error: "must be base64" },
  )
  .openapi({ type: "string", format: "base64", description: "In base64." });

/** An answer that is ready to be sent. */
export const readyAnswer = z
  .object({
    status: z.int().openapi({ example: 402 }),
    headers: headerList,
    body: z.string().openapi({ description: "Text in UTF-8." }),
  })
  .openapi("ReadyAnswer", { description: "What is to be sent to the customer, as the contract words it." });

/** An answer that was kept under an Idempotency-Key. */
export const keptAnswer = z
  .object({
    status: z.int().openapi({ example: 200 }),
    headers: headerList,
    body: z.string().openapi({ description: "In base64." }),
  })
  .openapi("KeptAnswer", { description: "The stored answer of an earlier run, to be sent again." });

export const holdToken = z
  .string()
  .max(20_000)
  .openapi({ description: "As it was given out by authorize.", example: "fbh_eyJyZXF1…" });

export const requestIdOutput = z.string().openapi({
  description: "The charge's, on the statement.",
  example: "0197a2b4-7c11-7d3e-9f7a-1c2d3e4f5a6b",
});

export const ttlInput = z
  .int()
  .min(1)
  .max(LONGEST_SECONDS)
  .openapi({
    description: `For how many seconds it is held, at most ${LONGEST_SHORT_SECONDS}; a long hold at most ${LONGEST_SECONDS}.`,
    example: 60,
  });

/** What is kept in the database by a caller's name for it. */
export const PRINTABLE = /^[\x20-\x7e]{1,200}$/;

/** A header of an answer that is kept, and sent again as it is. */
export const keptHeader = z.strictObject({
  name: z
    .string()
    .max(200)
    .regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be the name of a header"),
  value: z
    .string()
    .max(16_384)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must be what a header can hold, without line breaks"),
});

/** Headers of a request: names in any letter case, each once. */
export const requestHeaders = z
  .record(z.string().max(200), z.string().max(16_384))
  .openapi({ example: { "x-tier": "gold" } });
