import { z } from "@hono/zod-openapi";
import { LONGEST_SHORT_SECONDS } from "../../holds/hold.ts";
import {
  amountInput,
  amountOutput,
  headerList,
  keptAnswer,
  PRINTABLE,
  readyAnswer,
  requestHeaders,
  requestIdOutput,
  ttlInput,
} from "./fields.ts";

/** Whether it is held in the database. */
export function isLong({ long, ttl }: Lasting): boolean {
  return long ?? (ttl !== undefined && ttl > LONGEST_SHORT_SECONDS);
}

type Lasting = {
  readonly id?: string | undefined;
  readonly long?: boolean | undefined;
  readonly ttl?: number | undefined;
};

function checkLong(asked: Lasting, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: [path], message });
  const { id, long, ttl = 0 } = asked;
  if (long === false && ttl > LONGEST_SHORT_SECONDS)
    refuse("ttl", `must be at most ${LONGEST_SHORT_SECONDS} where long is false`);
  if (!isLong(asked)) return;
  if (id === undefined)
    refuse("id", "is needed for a long hold: by it you find it again when its answer was lost");
  else if (!PRINTABLE.test(id)) refuse("id", "of a long hold must be of printable ASCII characters");
}

/** What is told of a customer's request. */
export const authorizeInput = z
  .strictObject({
    id: z.string().min(1).max(200).optional().openapi({
      description:
        "Yours: asked again with the same id, the same request is one hold and gets the same answer.",
      example: "job-4711",
    }),
    key: z.string().max(16_384).optional().openapi({
      description: "The customer's key. Without it, it is read from headers and query as the contract says.",
    }),
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, "must be a method of HTTP in capitals")
      .openapi({ example: "POST" }),
    path: z.string().max(16_384).openapi({
      description: "As the customer sent it, with its query.",
      example: "/v1/people/search?page=2",
    }),
    headers: requestHeaders.optional().openapi({
      description:
        "The request's headers, all or those that prices and the contract read. `Idempotency-Key` and `Credits-Max` count.",
    }),
    body: z.unknown().optional().openapi({
      description:
        "The request's JSON body. Needed where prices read it, and where there is an `Idempotency-Key`.",
    }),
    address: z.string().max(64).optional().openapi({
      description: "The customer's address, for keys that are bound to addresses.",
      example: "203.0.113.7",
    }),
    max: amountInput.optional().openapi({
      description: "The most that it may cost, in credits, beside the customer's `Credits-Max`.",
    }),
    ttl: ttlInput.optional(),
    long: z.boolean().optional().openapi({
      description:
        "Hold it in the database, for a job that outlives this process or is settled in parts. So it is where `ttl` is above 900. It needs an `id`; without `ttl` it is held for an hour.",
    }),
  })
  .superRefine(checkLong)
  .openapi("AuthorizeRequest");

const quoteBody = z
  .object({
    creditType: z.string().openapi({ example: "credits" }),
    amount: amountOutput.openapi({ description: "The most that it can cost. It is set aside." }),
    units: z.int(),
    decidedOnAnswer: z.boolean().openapi({
      description:
        "Nothing is set aside: settle before anything of the answer is sent, and be ready to be refused.",
    }),
  })
  .openapi("Quote");

const admitted = z
  .object({
    decision: z.literal("admitted"),
    requestId: requestIdOutput,
    hold: z.string().nullable().openapi({
      description: "Settle or release it. Null: it costs nothing, and nothing is to be settled.",
    }),
    expiresIn: z.number().nullable().openapi({ description: "Seconds." }),
    account: z.string().nullable().openapi({ description: "Null: the endpoint needs no key." }),
    key: z.string().nullable(),
    endpoint: z.string().openapi({ description: "The price's match, `unpriced` or `open`." }),
    quote: quoteBody.nullable().openapi({ description: "Null: it costs nothing." }),
    upstreamHeaders: headerList.openapi({
      description:
        "To be set on the request for whoever serves it; remove what customers send under these names.",
    }),
    clientHeaders: headerList.openapi({ description: "To be set on the answer." }),
  })
  .openapi("Admitted");

const refused = z
  .object({
    decision: z.literal("refused"),
    requestId: requestIdOutput,
    code: z
      .string()
      .openapi({ description: "See docs/reference/errors.md.", example: "insufficient_credits" }),
    answer: readyAnswer,
  })
  .openapi("Refused");

const replayed = z
  .object({
    decision: z.literal("replay"),
    requestId: requestIdOutput,
    answer: keptAnswer,
  })
  .openapi("Replayed");

export const authorizeAnswer = z
  .discriminatedUnion("decision", [admitted, refused, replayed])
  .openapi("AuthorizeAnswer");
