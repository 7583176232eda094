import { z } from "zod";
import { parseDuration } from "../../domain/duration.ts";
import type { Problem } from "../../domain/problem.ts";
import { parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import {
  contentType,
  headerName,
  headerTemplates,
  jsonTemplate,
  ownField,
  ownWordField,
} from "../contract-fields.ts";

/** The form of an endpoint that a contract adds to the API. */

/** A word of the API, or the same for every request. */
const choice = <Word extends string>(meanings: readonly [Word, ...Word[]]) =>
  z.union([ownWordField(meanings), z.enum(meanings)]);

const usageRequest = z.strictObject({
  from: ownField
    .optional()
    .describe(
      "The period's beginning, ISO 8601 with an offset, or a date in UTC. Default: always as `period` says.",
    ),
  to: ownField.optional().describe("Its end, which is no part of it. Default: always now."),
  period: z
    .string()
    .refine((text) => text === "day" || text === "month" || parseDuration(text) !== undefined, {
      message: "is no length of time, day or month",
      params: { fix: "write 30d, 24h, day or month" },
    })
    .optional()
    .describe(
      "The period of a request that names no beginning: so long before its end (`30d`, `24h`), or the present `day` or `month` of the time zone. Such a request needs no end either: it is now. At most what `resolution` allows. Default: both are needed.",
    ),
  timeZone: ownField.optional().describe("The time zone of hours, days and months. Default: always UTC."),
  by: choice(["time", "endpoint", "key"]).describe(
    "What the report is divided by: where the request says it, or one of `time`, `endpoint`, `key` for all.",
  ),
  resolution: choice(["hour", "day", "month"]).describe(
    "How long a line is when the report is divided by time; at most 7 days by hour, 60 days by day, 2 years by month.",
  ),
  key: ownField
    .optional()
    .describe(
      "A key of the account, by its id or its name, to which the report is limited. Default: all keys.",
    ),
});

const usageError = z
  .strictObject({
    status: z.int().min(400).max(499).describe("The HTTP status."),
    body: jsonTemplate,
    messages: z
      .partialRecord(z.enum(["missing", "invalid", "order", "tooLong"]), z.string().min(1))
      .default({})
      .describe(
        "What `${message}` is, by the fault: the field is `missing`, it is `invalid`, the end is not behind the beginning (`order`), or the period is `tooLong`. Default: the field's path and what is wrong.",
      ),
  })
  .optional();

const requiredHeader = z.strictObject({
  header: headerName.describe("A header that the endpoint's requests must have."),
  values: z.array(z.string().min(1)).min(1).optional().describe("What it may say. Default: anything."),
  status: z
    .int()
    .min(400)
    .max(499)
    .optional()
    .describe("The HTTP status of a request without it. Default: that of `request_invalid`."),
  body: jsonTemplate
    .optional()
    .describe(
      "The answer's JSON; its placeholders are those of `errors`. Default: that of `request_invalid`.",
    ),
});

const match = z
  .string()
  .describe(
    "`GET /user/credits`: answered here, free, with a key; never forwarded. `{name}` stands for a segment. It is compared as prices are: letter case, encoding and a slash at the end do not matter.",
  );

export const endpointTemplate = z
  .strictObject({
    match,
    answers: z
      .enum(["balances", "usage"])
      .describe("What the endpoint shows: the account's pools, or what it used in a period."),
    creditType: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The pool that placeholders outside of `$eachPool` show, or whose usage is shown. Default: the first of the configuration's `creditTypes`.",
      ),
    requires: z.array(requiredHeader).default([]).describe("Headers without which a request is refused."),
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
        by: usageError.describe("What the report is divided by is missing, or no word that is known."),
        timeZone: usageError.describe("There is no such time zone."),
        key: usageError.describe("The account has no such key."),
      })
      .default({})
      .describe("`answers: usage` only: answers to wrong requests. Default: those of `fields_invalid`."),
  })
  .superRefine(({ answers, request, errors, match: text }, context) => {
    const refuse = (path: string, message: string, fix: string): void =>
      context.addIssue({ code: "custom", path: [path], message, params: { fix } });
    const problems: Problem[] = [];
    const pattern = parseMatchPattern(text, "match", problems);
    const [problem] = problems;
    if (problem !== undefined) refuse("match", problem.reason, problem.fix);
    else if (pattern?.wildcard === true || (pattern?.method !== "GET" && pattern?.method !== "POST")) {
      refuse("match", `"${text}" is not one endpoint for GET or POST`, "write GET /path or POST /path");
    }
    if (answers === "usage" && request === undefined) {
      refuse("request", "is missing", "say where from, to, by and resolution are read");
    }
    if (
      answers === "usage" &&
      request !== undefined &&
      request.from === undefined &&
      request.period === undefined
    ) {
      refuse("request", "says nothing of the period", "say where from and to are read, or write period: 30d");
    }
    if (answers === "balances" && request !== undefined) {
      refuse("request", "balances have no request", "remove it, or write answers: usage");
    }
    if (answers === "balances" && Object.keys(errors).length > 0) {
      refuse("errors", "balances have no request that could be wrong", "remove it, or write answers: usage");
    }
    if (answers === "balances" && pattern?.method === "POST") {
      refuse("match", "balances are read with GET", "write GET");
    }
  });

export type EndpointTemplate = z.infer<typeof endpointTemplate>;
export type UsageTemplate = EndpointTemplate & { readonly request: z.infer<typeof usageRequest> };
export type UsageRequestTemplate = z.infer<typeof usageRequest>;
