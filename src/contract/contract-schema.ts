import { z } from "zod";
import { REFUSAL_CODES } from "../domain/refusal.ts";
import { contentType, headerName, headerTemplates, jsonTemplate } from "./contract-fields.ts";
import { endpointTemplate } from "./endpoints/endpoint-schema.ts";
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
    .enum(["settled", "charged", "answered"])
    .default("settled")
    .describe(
      "`settled`: on every response that its price charges on, also when that came to 0. `charged`: above 0 only. `answered`: on every answer of an endpoint in the price list to a request whose key is good: what is not charged, free prices and refusals too. HTTP that cannot be read as one request has no key, and its refusal none of these headers.",
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

const usage = z
  .strictObject({
    header: headerName
      .optional()
      .describe(
        "The request header that asks for the usage object. `<header>-omitted` on the response says why it is not in the body. Default: every request to an endpoint that has a price gets it.",
      ),
    value: z
      .string()
      .min(1)
      .default("true")
      .describe("The text that asks for it, in any letter case. Any other text does not."),
    member: z
      .string()
      .min(1)
      .optional()
      .describe("The member that is added to the response's top-level object."),
    body: jsonTemplate.optional(),
    members: z
      .record(z.string().min(1), jsonTemplate)
      .optional()
      .describe("Several members, by their names, in the place of `member` and `body`."),
  })
  .superRefine(({ member, body, members }, context) => {
    const refuse = (path: string, message: string, fix: string): void =>
      context.addIssue({ code: "custom", path: [path], message, params: { fix } });
    for (const [name, path] of [
      ...(member === undefined ? [] : [[member, ["member"]] as const]),
      ...Object.keys(members ?? {}).map((key) => [key, ["members", key]] as const),
    ]) {
      if (!name.startsWith("$") && !name.includes("${")) continue;
      const params = { fix: "placeholders stand in values only" };
      context.addIssue({
        code: "custom",
        path: [...path],
        message: `"${name}" is not a member's name`,
        params,
      });
    }
    if (members === undefined) {
      if (member === undefined) refuse("member", "is missing", "name the member, or write members");
      if (body === undefined) refuse("body", "is missing", "write what the member holds");
    } else if (member !== undefined || body !== undefined) {
      refuse("members", "stand beside member and body", "write one of the two forms");
    } else if (Object.keys(members).length === 0) refuse("members", "is empty", "name at least one");
  });

/** A contract file. */
export const contractSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]*$/, "is not lower-case letters, digits and hyphens")
      .describe("The contract's name."),
    description: z.string().optional().describe("What the contract reproduces, for people."),
    extends: z
      .string()
      .optional()
      .describe(
        "A shipped contract from which this one takes what it does not say itself. Members are replaced whole, but for `refusals`, whose codes are replaced part by part. Default: none.",
      ),
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
    endpoints: z.array(endpointTemplate).default([]).describe("Endpoints that the contract adds to the API."),
    exports: exportsTemplate
      .optional()
      .describe("How exports look. Default: as in the farebox contract, which is inherited as a whole."),
  })
  .meta({ title: "Farebox contract", description: "How Farebox looks on the wire to an API's customers." });

export type ContractFile = z.infer<typeof contractSchema>;
export type RefusalTemplate = z.infer<typeof refusal>;
