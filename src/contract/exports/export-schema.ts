import { z } from "zod";
import { contentType, headerTemplates, jsonTemplate, requestField, wordField } from "../contract-fields.ts";

/** How exports look on the wire: the part of a contract file that says so. */

const path = (methods: string, form: RegExp) =>
  z.string().regex(form, `is not \`${methods} /path\` with {id} for the export`);

const answer = z.strictObject({
  status: z.int().min(200).max(299).describe("The HTTP status."),
  retryAfter: z.string().min(1).optional().describe("The Retry-After header's text. Default: none."),
  headers: headerTemplates.default({}),
  contentType: contentType.default("application/json"),
  body: jsonTemplate,
});

/** Plain characters only, so that a link to the file reads the same however it is encoded. */
const fileName = z
  .string()
  .regex(
    /^(?!.*\/\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?:[\w.~-]|\$\{\w+\})(?:[\w.~/-]|\$\{\w+\})*(?<!\/)$/,
    "is not a file's name of letters, digits, . _ ~ - and slashes",
  );

const FORMATS = ["jsonl", "csv"] as const;

export const exportsTemplate = z.strictObject({
  request: z
    .strictObject({
      limit: requestField.optional().describe("Where a request says how many records it wants at most."),
      format: wordField(FORMATS, "the first of the export's formats")
        .optional()
        .describe("Where it chooses the files' format."),
      policy: wordField(["all", "covered"], "`all`")
        .optional()
        .describe(
          "Where it says what happens when credits are short: `all`: all records or none; `covered`: as many as the credits cover.",
        ),
    })
    .default({})
    .describe("Where a request that creates an export says more than what it is about."),
  created: answer.describe("The answer to a request that created an export."),
  running: answer.describe("The answer to a list of files that are not there yet."),
  files: z
    .strictObject({
      match: path("GET", /^GET \/[^\s?#*]*\{id\}[^\s?#*]*$/).describe(
        "`GET /v2/data_requests/{id}/files`: lists the files, and charges what was not charged before.",
      ),
      headers: headerTemplates.default({}),
      contentType: contentType.default("application/json"),
      body: jsonTemplate,
    })
    .optional()
    .describe("An endpoint that lists an export's files. Default: the customer API's alone."),
  file: z
    .strictObject({
      match: path("GET", /^GET \/[^\s?#*]*\{id\}[^\s?#*]*\/\*$/).describe(
        "`GET /v2/data_requests/{id}/files/*`: what `*` stands for is the file's name, which may have slashes.",
      ),
    })
    .optional()
    .describe("An endpoint that downloads a file. Default: the customer API's alone."),
  fileNames: z
    .strictObject({
      jsonl: fileName.default("part-${number}.jsonl").describe("The name of a file of JSON Lines."),
      csv: fileName.default("part-${number}.csv").describe("The name of a file of CSV."),
    })
    .prefault({})
    .describe("Files' names; placeholders are allowed, and slashes. `.gz` is added to compressed ones."),
});

export type ExportsTemplate = z.infer<typeof exportsTemplate>;
