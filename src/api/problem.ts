import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { FareboxError } from "../domain/farebox-error.ts";
import { isDatabaseAway, sqlStateOf } from "../ledger/database/storage-error.ts";

/** One wrong field of a request. */
export interface FieldProblem {
  /** The field as it is written in a program: `prices[3].cost`. */
  readonly path: string;
  readonly reason: string;
  readonly fix?: string;
}

/** The body of every answer that is not a success (RFC 9457, `application/problem+json`). */
export const problemBody = z
  .object({
    type: z.string().openapi({ example: "urn:problem-type:farebox:account_unknown" }),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: "Stable, for programs; see docs/reference/errors.md." }),
    detail: z.string(),
    errors: z
      .array(z.object({ path: z.string(), reason: z.string(), fix: z.string().optional() }))
      .optional(),
  })
  .openapi("Problem");

/** Codes that are not 422, the status of a request that was understood and cannot be carried out. */
const STATUS: Readonly<Record<string, ContentfulStatusCode>> = {
  request_malformed: 400,
  operator_unauthorized: 401,
  request_forged: 403,
  role_not_permitted: 403,
  giving_limit_exceeded: 403,
  route_not_found: 404,
  account_unknown: 404,
  key_unknown: 404,
  token_unknown: 404,
  session_unknown: 404,
  charge_unknown: 404,
  bulk_refund_unknown: 404,
  export_unknown: 404,
  hold_unknown: 404,
  price_list_unknown: 404,
  method_not_allowed: 405,
  account_closed: 409,
  token_exists: 409,
  console_off: 409,
  console_link_needs_token: 409,
  account_has_holds: 409,
  grant_conflict: 409,
  adjustment_conflict: 409,
  refund_conflict: 409,
  refund_too_many: 409,
  charge_ambiguous: 409,
  bulk_refund_conflict: 409,
  bulk_refund_finished: 409,
  refund_preview_changed: 409,
  export_finished: 409,
  export_not_failed: 409,
  export_not_retried: 409,
  export_kind_unknown: 409,
  hold_settled: 409,
  hold_released: 409,
  hold_expired: 409,
  key_not_repeatable: 409,
  key_revoked: 409,
  key_expired: 409,
  key_grace_full: 409,
  price_list_in_force: 409,
  plan_change_unknown: 409,
  request_too_large: 413,
  media_type_unsupported: 415,
  storage_unavailable: 503,
  not_ready: 503,
  overloaded: 503,
};

/** The codes that are answered with a status, in the order of the table; of 422 and 500 the usual one. */
export function codesOfStatus(status: number): string[] {
  if (status === 422) return ["request_invalid"];
  if (status === 500) return ["internal_error"];
  return Object.keys(STATUS).filter((code) => STATUS[code] === status);
}

/** SQLSTATEs of a text, and of a text in JSON, with a NUL: the one character that Postgres cannot store. */
const UNSTORABLE = new Set(["22021", "22P05"]);

/** Whether the database refused a text that it cannot store: the caller's mistake. */
export function isUnstorable(error: unknown): boolean {
  return UNSTORABLE.has(sqlStateOf(error) ?? "");
}

/** The answer for anything that was thrown. What is not a {@link FareboxError} is a fault of ours: 500 without its text. */
export function renderProblem(context: Context, error: unknown): Response {
  const { status, body } = describeProblem(error);
  if (status === 401) context.header("www-authenticate", 'Bearer realm="farebox operator"');
  if (status === 503) context.header("retry-after", "1");
  return context.body(body, status, { "content-type": PROBLEM_TYPE });
}

/** The media type of {@link problemBody}. */
export const PROBLEM_TYPE = "application/problem+json";

/** The same where there is no request that could be answered: its status and its body's text. */
export function describeProblem(error: unknown): {
  readonly status: ContentfulStatusCode;
  readonly body: string;
} {
  const known = readError(error);
  const status = statusOf(known);
  const errors = known.detail["errors"];
  const body = JSON.stringify({
    type: `urn:problem-type:farebox:${known.code}`,
    title: known.code.replaceAll("_", " "),
    status,
    code: known.code,
    detail: known.message,
    ...(Array.isArray(errors) ? { errors } : {}),
  });
  return { status, body };
}

function readError(error: unknown): FareboxError {
  if (error instanceof FareboxError) return error;
  if (error instanceof HTTPException && error.status === 415) {
    return new FareboxError(
      "media_type_unsupported",
      "The body must be sent with content-type: application/json.",
    );
  }
  if (error instanceof HTTPException && error.status === 400) {
    return new FareboxError("request_malformed", "The body is not JSON.");
  }
  if (isUnstorable(error)) {
    return new FareboxError(
      "request_invalid",
      "The request has a NUL character, which no text here can have.",
    );
  }
  return new FareboxError("internal_error", "Something went wrong here; the log has it.", { cause: error });
}

/**
 * Whether an error is ours to look into: it is logged with its stack. Of a database that is away the log says so once, and a load
 * balancer asks every second whether an instance is ready.
 */
export function isFault(error: unknown): boolean {
  const known = readError(error);
  return statusOf(known) >= 500 && known.code !== "not_ready" && !isDatabaseAway(error);
}

function statusOf(error: FareboxError): ContentfulStatusCode {
  if (error.code === "internal_error") return 500;
  return STATUS[error.code] ?? (error.retryable ? 503 : 422);
}

/** 422 that names every wrong field. */
export function refuseFields(errors: readonly FieldProblem[]): never {
  const where = errors.map((problem) => problem.path).join(", ");
  throw new FareboxError("request_invalid", `These fields cannot be accepted: ${where}.`, {
    detail: { errors },
  });
}

/** All wrong fields of a request at once. */
export function fieldProblems(error: z.ZodError): FieldProblem[] {
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          path: renderPath([...issue.path, key]),
          reason: "is not a field of this request",
        }))
      : [{ path: renderPath(issue.path), reason: renderReason(issue) }],
  );
}

/** Our schemas say what is wrong in words of their own, except for a value out of a list. */
function renderReason(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_value" || !issue.message.startsWith("Invalid ")) return issue.message;
  return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
}

function renderPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}
