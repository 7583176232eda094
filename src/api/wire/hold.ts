import { z } from "@hono/zod-openapi";
import { amountOutput } from "./amount.ts";
import { timeOutput } from "./fields.ts";
import { nextCursor } from "./page.ts";

const holdBody = z
  .object({
    id: z.string(),
    kind: z
      .enum(["hold", "lease"])
      .openapi({ description: "Set aside for a client, or for requests that a running instance serves." }),
    creditType: z.string(),
    amount: amountOutput.openapi({ description: "What is left of it, in credits." }),
    instance: z.string().nullable().openapi({ description: "The instance of a lease." }),
    createdAt: timeOutput,
    expiresAt: timeOutput.nullable().openapi({ description: "Null for a lease: it ends with its instance." }),
  })
  .openapi("Hold");

export const holdPage = z
  .object({ account: z.string(), holds: z.array(holdBody), next: nextCursor })
  .openapi("HoldPage");
