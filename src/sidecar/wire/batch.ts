import { z } from "@hono/zod-openapi";
import { problemBody } from "../problem.ts";
import { authorizeAnswer, authorizeInput } from "./authorize.ts";
import {
  extendAnswer,
  extendInput,
  releaseAnswer,
  releaseInput,
  settleAnswer,
  settleInput,
} from "./settle.ts";

/** The most calls in one: more would keep the others waiting. */
export const MOST_CALLS = 200;

export const batchInput = z
  .strictObject({
    calls: z
      .array(
        z
          .discriminatedUnion("operation", [
            z
              .strictObject({ operation: z.literal("authorize"), request: authorizeInput })
              .openapi("AuthorizeCall"),
            z.strictObject({ operation: z.literal("settle"), request: settleInput }).openapi("SettleCall"),
            z.strictObject({ operation: z.literal("release"), request: releaseInput }).openapi("ReleaseCall"),
            z.strictObject({ operation: z.literal("extend"), request: extendInput }).openapi("ExtendCall"),
          ])
          .openapi("Call"),
      )
      .min(1)
      .max(MOST_CALLS),
  })
  .openapi("BatchRequest");

export const batchAnswer = z
  .object({
    answers: z.array(
      z
        .object({
          status: z.int().openapi({ description: "As the call alone would have it.", example: 200 }),
          body: z.union([authorizeAnswer, settleAnswer, releaseAnswer, extendAnswer, problemBody]),
        })
        .openapi("BatchedAnswer"),
    ),
  })
  .openapi("BatchAnswer", { description: "The answers in the order of the calls." });
