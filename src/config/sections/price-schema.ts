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

/** How a field's value is taken. */
const taken = {
  default: z
    .union([z.string(), z.number(), z.boolean()])
    .optional()
    .describe("What the API takes when the field is missing."),
  split: z.string().optional().describe("The text is a list; its items stand between these characters."),
};

const tests = {
  equals: scalar.optional().describe("The field is this value."),
  oneOf: z.array(scalar).optional().describe("The field is one of these values."),
  noneOf: z.array(scalar).optional().describe("The field is none of these values, or missing."),
  exists: z.boolean().optional().describe("Whether the field is there."),
  empty: z.boolean().optional().describe('Whether it is missing, null, "", [] or {}.'),
  from: z.number().optional().describe("The field is a number of at least this."),
  to: z.number().optional().describe("The field is a number of at most this."),
};

const item = z
  .strictObject({
    body: z.string().describe('A JSON pointer that begins at the item; "" is the item itself.'),
    ...tests,
  })
  .describe("What an item is asked.");

const contains = z
  .union([z.string(), z.number(), z.boolean(), z.array(scalar), item])
  .optional()
  .describe("The list has this item, one of these, or one of which a condition holds.");

const condition = z.strictObject({ ...sources, ...taken, ...tests, contains });

const answerCondition = z.strictObject({
  body: z.string().optional().describe("A JSON pointer into the answer's body."),
  header: z.string().optional().describe("A header of the answer."),
  default: taken.default,
  ...tests,
  contains,
});

const oneOrMore = <T extends z.ZodType>(form: T) => z.union([form, z.array(form)]).optional();

const amount = z.union([z.number(), z.string()]);

const field = z.union([
  z.string(),
  z.strictObject({ ...sources, default: z.int().optional(), split: taken.split }),
]);

/** What one sum is made of: of a price itself, and of its `plus`. */
const sum = {
  cost: amount.optional().describe("Credits per request, or per what `per` says, with at most six decimals."),
  per: z
    .string()
    .optional()
    .describe(
      "What the cost is for: request (the default), result, or a block of them: 10 results, 1000 tokens.",
    ),
  count: z
    .strictObject({
      body: z.string().optional().describe("A JSON pointer to an array or a number in the response."),
      header: z.string().optional().describe("A response header."),
      bytes: z.literal(true).optional().describe("The bytes of the response's body."),
      request: z
        .strictObject({
          ...sources,
          split: taken.split,
          default: z.int().describe("How many it is without the field."),
        })
        .optional()
        .describe("A list or a number of the request."),
      where: oneOrMore(item).describe("Only items of which this holds are counted."),
      increase: z
        .strictObject({ key: z.union([z.string(), z.strictObject(sources)]), within: z.string() })
        .optional()
        .describe("The number is a running total of what the key names: only what it grew by counts."),
      decimal: z
        .boolean()
        .optional()
        .describe("The number may have decimals, like a cost that the API reports."),
    })
    .optional()
    .describe("Where the number of results is read."),
  atMost: z
    .union([
      z.int(),
      z.strictObject({
        ...sources,
        split: taken.split,
        smallest: z.array(field).optional().describe("The smallest of several fields bounds it."),
        first: z.array(field).optional().describe("The first of several fields that is there bounds it."),
        sum: z.array(field).optional().describe("Several fields together bound it."),
        default: z.int().optional().describe("When the request does not say. Default: max."),
        max: z.int().describe("The most that one response can have."),
      }),
    ])
    .optional()
    .describe(
      "The most results of one request: what is set aside before the call. Not needed with most, or decide: answer.",
    ),
  included: z.int().optional().describe("So many results of each call are not charged. Default: none."),
  round: z
    .enum(["block", "credit", "exact"])
    .optional()
    .describe(
      "What is rounded up: each begun block (the default for blocks), the sum to whole credits, or nothing.",
    ),
  uncounted: amount.optional().describe("Charged when the results cannot be counted. Default: the cost."),
  where: oneOrMore(answerCondition).describe(
    "Conditions on the answer. Where they do not hold, the sum is not charged.",
  ),
};

const when = oneOrMore(condition);

export const priceForm = z
  .strictObject({
    match: z
      .string()
      .describe("`POST /v2/company/search/{kind}`. `*` is any method; `/*` at the end is everything below."),
    plan: oneOrMore(z.string()).describe(
      "The plan, or the plans, whose accounts it is for. Left out: every account.",
    ),
    tool: oneOrMore(z.string()).describe(
      "The tool, or the tools, of an MCP server whose calls it is for; `*` is any.",
    ),
    when: when.describe(
      "Conditions on request fields. Of prices with one match the first whose conditions hold applies.",
    ),
    free: z.literal(true).optional().describe("Nothing is charged. A key is still needed."),
    credit: z.string().optional().describe("The credit type. Left out: the only one."),
    ...sum,
    tiers: z
      .strictObject({
        within: z.enum(["day", "week", "month", "year"]).describe("The period, of UTC."),
        steps: z
          .array(z.strictObject({ over: z.int().positive(), cost: amount }))
          .min(1)
          .describe("What each unit costs beyond so many."),
        whole: z.boolean().optional().describe("A whole call costs what the tier says in which it begins."),
        counter: z.string().optional().describe("Prices with the same name count together."),
      })
      .optional()
      .describe("Other costs by what the account has used in the period."),
    plus: z
      .array(z.strictObject({ when: when.describe("Conditions on request fields."), ...sum }))
      .optional()
      .describe("Further sums, each where its conditions hold."),
    least: amount.optional().describe("The least that a charged call costs in all."),
    most: amount.optional().describe("The most that a call costs in all."),
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
