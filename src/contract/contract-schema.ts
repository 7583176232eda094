import { z } from "zod";
import { REFUSAL_CODES } from "../domain/refusal.ts";
import {
  contentType,
  headerName,
  headerTemplates,
  jsonTemplate,
  requestField,
  wordField,
} from "./contract-fields.ts";
import { exportsTemplate } from "./exports/export-schema.ts";
import { keySource } from "./key/key-schema.ts";

/** The form of a contract file. Placeholders and header names are checked after the form; see create-contract.ts. */

const errorShape = z
  .strictObject({
    contentType: contentType.default("application/json"),
    headers: headerTemplates.default({}),
    body: jsonTemplate,
  })
  .describe("How a refusal looks that has no body of its own below.");

const refusal = z.strictObject({
  status: z.int().min(400).max(599).optional().describe("The HTTP status. Default: the farebox contract's."),
  title: z
    .string()
    .min(1)
    .optional()
    .describe("What this refusal is, the same every time. Default: the farebox contract's."),
  message: z
    .string()
    .min(1)
    .optional()
    .describe("What happened, for people; placeholders are allowed. Default: the farebox contract's."),
  retryAfter: z
    .union([z.string().min(1), z.literal(false)])
    .optional()
    .describe("The Retry-After header's text, or false for none. Default: the farebox contract's."),
  contentType: contentType.optional().describe("The answer's Content-Type. Default: errorShape's."),
  headers: headerTemplates.optional().describe("Headers in addition to errorShape's."),
  body: jsonTemplate.optional().describe("The answer's JSON. Default: errorShape's."),
});

const settledHeader = z.strictObject({
  header: headerName.describe("The header's name."),
  value: z.string().min(1).describe("The header's text; placeholders are allowed."),
  when: z
    .enum(["settled", "charged"])
    .default("settled")
    .describe(
      "`settled`: on every response that its price charges on, also when that came to 0. `charged`: above 0 only.",
    ),
  creditTypes: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("Only when the request spent one of these. Default: all."),
});

const rateLimit = z.strictObject({
  on: z
    .enum(["always", "refused"])
    .default("always")
    .describe("`always`: on accepted and refused requests. `refused`: on the 429 only."),
  headers: headerTemplates,
});

const usage = z.strictObject({
  header: headerName.describe(
    "The request header that asks for the usage object. `<header>-omitted` on the response says why it is not in the body.",
  ),
  value: z
    .string()
    .min(1)
    .default("true")
    .describe("The text that asks for it, in any letter case. Any other text does not."),
  member: z.string().min(1).describe("The member that is added to the response's top-level object."),
  body: jsonTemplate,
});

const usageRequest = z.strictObject({
  from: requestField.describe("The period's beginning, ISO 8601 with an offset, or a date in UTC."),
  to: requestField.describe("Its end, which is no part of it."),
  timeZone: requestField.optional().describe("The time zone of hours, days and months. Default: always UTC."),
  by: wordField(["time", "endpoint"]).describe("What the report is divided by."),
  resolution: wordField(["hour", "day", "month"]).describe(
    "How long a line is when the report is divided by time; at most 7 days by hour, 60 days by day, 2 years by month.",
  ),
});

const usageError = z
  .strictObject({
    status: z.int().min(400).max(499).describe("The HTTP status."),
    body: jsonTemplate,
  })
  .optional();

const endpoint = z
  .strictObject({
    match: z
      .string()
      .regex(/^(?:GET|POST) \/[^\s?#{}*]*$/, "is not `GET /path` or `POST /path`")
      .describe("`GET /user/credits`: answered here, free, with a key; never forwarded."),
    answers: z
      .enum(["balances", "usage"])
      .describe("What the endpoint shows: the account's pools, or what it used in a period."),
    creditType: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The pool that placeholders outside of `$eachPool` show, or whose usage is shown. Default: the first.",
      ),
    headers: headerTemplates.default({}),
    contentType: contentType.default("application/json"),
    body: jsonTemplate,
    request: usageRequest
      .optional()
      .describe("`answers: usage` only: where the request says what is asked for."),
    errors: z
      .strictObject({
        period: usageError.describe("The period cannot be read, is empty or too long."),
        resolution: usageError.describe("The resolution is missing, or no word that is known."),
      })
      .default({})
      .describe("`answers: usage` only: answers to wrong requests. Default: those of `fields_invalid`."),
  })
  .superRefine(({ answers, request, match }, context) => {
    const refuse = (path: string, message: string, mend: string): void =>
      context.addIssue({ code: "custom", path: [path], message, params: { mend } });
    if (answers === "usage" && request === undefined) {
      refuse("request", "is missing", "say where from, to, by and resolution are read");
    }
    if (answers === "balances" && request !== undefined) {
      refuse("request", "balances have no request", "remove it, or write answers: usage");
    }
    if (answers === "balances" && !match.startsWith("GET ")) {
      refuse("match", "balances are read with GET", "write GET");
    }
  });

/** A contract file. */
export const contractSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]*$/, "is not lower-case letters, digits and hyphens")
      .describe("The contract's name."),
    description: z.string().optional().describe("What the contract reproduces, for people."),
    key: z
      .array(keySource)
      .min(1)
      .max(8)
      .describe(
        "Where the key is read. Several places: one that holds a key is enough, and keys that differ are refused.",
      ),
    errorShape,
    refusals: z
      .partialRecord(z.enum(REFUSAL_CODES), refusal)
      .default({})
      .describe(
        "The answer of each refusal code. A code that is left out has the farebox contract's status and errorShape.",
      ),
    settled: z.array(settledHeader).default([]).describe("Headers of responses whose charge is committed."),
    rateLimit: rateLimit.optional().describe("Headers that tell the state of a rate limit. Default: none."),
    usage: usage.optional().describe("The usage object that a request may ask for. Default: none."),
    endpoints: z.array(endpoint).default([]).describe("Endpoints that the contract adds to the API."),
    exports: exportsTemplate
      .optional()
      .describe("How exports look. Default: as in the farebox contract, which is inherited as a whole."),
  })
  .meta({ title: "Farebox contract", description: "How Farebox looks on the wire to an API's customers." });

export type ContractFile = z.infer<typeof contractSchema>;
export type RefusalTemplate = z.infer<typeof refusal>;
export type EndpointTemplate = z.infer<typeof endpoint>;
export type UsageTemplate = EndpointTemplate & { readonly request: z.infer<typeof usageRequest> };
