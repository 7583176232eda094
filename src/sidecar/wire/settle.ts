import { z } from "@hono/zod-openapi";
import {
  amountInput,
  amountOutput,
  base64Input,
  headerList,
  holdToken,
  keptAnswer,
  keptHeader,
  PRINTABLE,
  readyAnswer,
  requestHeaders,
  requestIdOutput,
  ttlInput,
} from "./fields.ts";

const answerInput = z
  .strictObject({
    headers: z.array(keptHeader).max(200),
    body: base64Input,
  })
  .openapi("AnswerToKeep", {
    description: "Kept for whoever repeats the request under its `Idempotency-Key`.",
  });

export const settleInput = z
  .strictObject({
    hold: holdToken,
    status: z.int().min(100).max(599).default(200).openapi({
      description: "The answer's. What the price does not charge, as 4xx and 5xx mostly, costs nothing.",
    }),
    units: z.int().min(0).max(1_000_000_000).optional().openapi({
      description: "How many results there are, for prices that count.",
      example: 12,
    }),
    cost: amountInput.optional().openapi({ description: "What it costs, instead of what its price says." }),
    part: z.string().regex(PRINTABLE, "must be 1 to 200 printable ASCII characters").optional().openapi({
      description:
        "Yours, of this part of a long hold: it is charged once, and the rest stays held. Left out: the last settlement, which frees what is left.",
      example: "page-3",
    }),
    headers: requestHeaders.optional().openapi({
      description: "The request's, of which one may ask for the usage object.",
    }),
    answer: answerInput.optional(),
  })
  .openapi("SettleRequest");

const charged = z
  .object({
    outcome: z.literal("charged"),
    requestId: requestIdOutput,
    chargeId: z
      .string()
      .nullable()
      .openapi({ description: "Null: it came to nothing, and there is no entry." }),
    creditType: z.string(),
    charged: amountOutput,
    uncollected: amountOutput.openapi({ description: "What neither the hold nor the pool covered." }),
    refunded: amountOutput.openapi({ description: "What was given back of it since." }),
    balance: amountOutput.openapi({ description: "The pool's, when it was charged." }),
    units: z.number(),
    headers: headerList.openapi({ description: "To be set on the answer." }),
    usage: z.record(z.string(), z.unknown()).nullable().openapi({
      description: "Members to add to the answer's JSON object. Null: the request did not ask for them.",
    }),
  })
  .openapi("Charged");

const free = z
  .object({
    outcome: z.literal("free"),
    requestId: requestIdOutput,
    headers: headerList.openapi({ description: "To be set on the answer." }),
  })
  .openapi("Free");

const refused = z
  .object({
    outcome: z.literal("refused"),
    requestId: requestIdOutput,
    code: z.string().openapi({ example: "insufficient_credits" }),
    answer: readyAnswer,
  })
  .openapi("RefusedAtTheEnd", {
    description: "The price is decided on the answer, and the credits do not cover it.",
  });

const superseded = z
  .object({
    outcome: z.literal("superseded"),
    requestId: requestIdOutput,
    answer: keptAnswer.nullable().openapi({ description: "Null: it was not kept." }),
  })
  .openapi("Superseded", {
    description: "Another run of the same `Idempotency-Key` was faster. Its answer is to be sent.",
  });

export const settleAnswer = z
  .discriminatedUnion("outcome", [charged, free, refused, superseded])
  .openapi("SettleAnswer");

export const releaseInput = z
  .strictObject({
    hold: holdToken,
    reason: z.string().trim().min(1).max(500).default("the answer was not delivered").openapi({
      description: "Of the refund, where the hold was charged.",
    }),
  })
  .openapi("ReleaseRequest");

export const releaseAnswer = z
  .object({
    requestId: requestIdOutput,
    refunded: amountOutput.openapi({ description: "What was given back of a hold that was charged." }),
  })
  .openapi("ReleaseAnswer");

export const extendInput = z.strictObject({ hold: holdToken, ttl: ttlInput }).openapi("ExtendRequest");

export const extendAnswer = z
  .object({
    requestId: requestIdOutput,
    expiresIn: z.number().openapi({ description: "Seconds from now on." }),
  })
  .openapi("ExtendAnswer");
