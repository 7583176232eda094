import { z } from "zod";

/**
 * The form of a price, for editors and their completion. What is accepted is decided by domain/parse-price.ts alone: it knows the
 * contradictions that a form cannot say. docs/reference/prices.md has the meaning in full.
 */

const sources = {
  body: z.string().optional().describe("A JSON pointer into the request's body: `/page_size`."),
  query: z.string().optional().describe("A query parameter."),
  header: z.string().optional().describe("A request header."),
  path: z.string().optional().describe("A parameter of the match."),
};

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const condition = z.strictObject({
  ...sources,
  equals: scalar.optional().describe("The field is this value."),
  oneOf: z.array(scalar).optional().describe("The field is one of these values."),
  exists: z.boolean().optional().describe("Whether the field was sent."),
});

const amount = z.union([z.number(), z.string()]);

export const priceForm = z
  .strictObject({
    match: z
      .string()
      .describe("`POST /v2/company/search/{kind}`. `*` is any method; `/*` at the end is everything below."),
    when: z
      .union([condition, z.array(condition)])
      .optional()
      .describe(
        "Conditions on request fields. Of prices with one match the first whose conditions hold applies.",
      ),
    free: z.literal(true).optional().describe("Nothing is charged. A key is still needed."),
    cost: amount.optional().describe("Credits per request or per result, with at most six decimals."),
    credit: z.string().optional().describe("The credit type. Left out: the only one."),
    per: z.enum(["request", "result"]).optional().describe("What the cost is for. Default: request."),
    count: z
      .strictObject({
        body: z.string().optional().describe("A JSON pointer to an array or a number in the response."),
        header: z.string().optional().describe("A response header."),
      })
      .optional()
      .describe("Where the number of results is read from the response."),
    atMost: z
      .union([
        z.int(),
        z.strictObject({
          ...sources,
          default: z.int().optional().describe("When the request does not say. Default: max."),
          max: z.int().describe("The most that one response can have."),
        }),
      ])
      .optional()
      .describe(
        "The most results of one request: what is set aside before the call. Not needed with decide: answer.",
      ),
    floor: amount.optional().describe("Charged when the results cannot be counted. Default: the cost."),
    on: z
      .union([z.enum(["success", "processed"]), z.int(), z.array(z.int())])
      .optional()
      .describe(
        "Charged responses: success (any 2xx, the default), processed (2xx and 404), a status or a list.",
      ),
    once: z
      .strictObject({
        key: z
          .union([z.string(), z.strictObject(sources)])
          .describe("The field; a text is a JSON pointer into the body."),
        within: z.string().describe("The window: 24h, 30d."),
      })
      .optional()
      .describe("Charged once per account and value of a request field in a window."),
    bodies: z
      .array(z.string())
      .optional()
      .describe(
        "The request bodies that it reads: json (the default), form, multipart, and media types that are JSON. Others cannot be read.",
      ),
    unreadable: z
      .enum(["refuse", "dearest"])
      .optional()
      .describe(
        "What becomes of a body that cannot be read. refuse (the default): 415; dearest: the dearest price that it may have.",
      ),
    head: z
      .enum(["charged", "free"])
      .optional()
      .describe("Whether HEAD costs what its GET does (the default), or nothing."),
    decide: z
      .enum(["request", "answer"])
      .optional()
      .describe(
        "What decides whether credits cover a call. request (the default): the most that it can cost, set aside before it; answer: exactly what it costs, charged before the answer is sent, or nothing of it is.",
      ),
    detached: z
      .enum(["finish", "abandon"])
      .optional()
      .describe("What becomes of a call whose client has gone. Default: finish, and charge."),
  })
  .describe("What one endpoint costs.");
