import { FareboxError } from "../domain/farebox-error.ts";

/**
 * The error that an answer which is not a success stands for: with the API's code, its text and the fields that it names.
 * An answer of something else than a Farebox of this version has none of them: `instance_unreachable`.
 */
export function readProblem(response: Response, body: unknown): FareboxError {
  const code = memberOf(body, "code");
  const detail = memberOf(body, "detail");
  const errors = memberOf(body, "errors");
  return new FareboxError(
    typeof code === "string" ? code : "instance_unreachable",
    typeof detail === "string" ? detail : renderForeign(response),
    {
      retryable: response.status === 503,
      detail: { status: response.status, ...(Array.isArray(errors) ? { errors } : {}) },
    },
  );
}

function renderForeign(response: Response): string {
  return `${response.url} answered ${response.status}, not as a Farebox of this version does.`;
}

function memberOf(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}
