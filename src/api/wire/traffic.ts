import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { timeOutput } from "./fields.ts";

export const trafficQuery = z.object({
  account: z.string().max(64).optional().openapi({ description: "Only this account's requests." }),
});

/** The data of an event `request`. */
export const trafficLine = z.object({
  at: timeOutput.openapi({ description: "Its end, by the instance's clock." }),
  requestId: z.string(),
  account: z.string().nullable(),
  method: z.string(),
  endpoint: z.string().nullable().openapi({ description: "Null when it was refused before one was found." }),
  status: z.int().openapi({ description: "What the client was answered; 0 when it had gone." }),
  upstreamStatus: z.int().nullable(),
  ms: z.number().openapi({ description: "From the request's head to the end of its answer." }),
  creditType: z.string().nullable(),
  charged: amountOutput,
  units: z.int().nullable(),
  refusal: z.string().nullable().openapi({ description: "The code with which Farebox refused it." }),
});
