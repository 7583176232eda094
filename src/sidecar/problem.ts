import { z } from "@hono/zod-openapi";
import { FareboxError } from "../domain/farebox-error.ts";

/** The body of every answer that is not a success (RFC 9457, `application/problem+json`). */
export const problemBody = z
  .object({
    type: z.string().openapi({ example: "urn:problem-type:farebox:hold_unknown" }),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: "Stable, for programs; see docs/reference/errors.md." }),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), reason: z.string() })).optional(),
  })
  .openapi("Problem");

/** The rest is a fault of ours: 500. */
const STATUS: Readonly<Record<string, number>> = {
  request_malformed: 400,
  operator_unauthorized: 401,
  role_not_permitted: 403,
  price_needs_answer: 403,
  hold_unknown: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  hold_conflict: 409,
  hold_settled: 409,
  hold_released: 409,
  hold_expired: 410,
  request_too_large: 413,
  hold_not_long: 422,
  part_not_possible: 422,
  request_invalid: 422,
  hold_elsewhere: 503,
  overloaded: 503,
  pool_busy: 503,
  storage_unavailable: 503,
};

export interface Problem {
  readonly status: number;
  readonly body: string;
}

/** Whether it is a fault of ours, which is logged and not told. */
export function isFault(error: unknown): boolean {
  return !(error instanceof FareboxError) || (STATUS[error.code] === undefined && !error.retryable);
}

export function describeProblem(error: unknown): Problem {
  const { code, detail, errors } = tell(error);
  const status = STATUS[code] ?? 500;
  const type = `urn:problem-type:farebox:${code}`;
  const title = code.replaceAll("_", " ");
  return {
    status,
    body: JSON.stringify({ type, title, status, code, detail, ...(errors === undefined ? {} : { errors }) }),
  };
}

function tell(error: unknown): { readonly code: string; readonly detail: string; readonly errors?: unknown } {
  if (!(error instanceof FareboxError) || isFault(error))
    return { code: "internal_error", detail: "Something went wrong here. The log has it." };
  const { errors } = error.detail;
  const code = STATUS[error.code] === undefined ? "storage_unavailable" : error.code;
  return { code, detail: error.message, errors };
}

/** Nothing new is held any more. */
export function ending(): FareboxError {
  return new FareboxError("overloaded", "This Farebox is about to end: ask another one.", {
    retryable: true,
  });
}

/** Fields of a request that are wrong, all at once. Throws FareboxError `request_invalid`. */
export function refuseFields(error: z.ZodError): never {
  const errors = error.issues.map(({ path, message }) => ({ path: renderPath(path), reason: message }));
  const text = errors.map(({ path, reason }) => (path === "" ? reason : `${path} ${reason}`)).join("; ");
  throw new FareboxError("request_invalid", `The request is not valid: ${text}.`, { detail: { errors } });
}

function renderPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? String(part) : `${text}.${String(part)}`,
    "",
  );
}
