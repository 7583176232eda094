import { codesOfStatus } from "../../problem.ts";

/** A kind of answer that is not a success, by its status. */
interface Failure {
  readonly status: number;
  /** Its name among the document's responses. */
  readonly name: string;
  readonly description: string;
}

/** Codes that no table can list: of whatever was understood and cannot be carried out. */
const FAILURES: readonly Failure[] = [
  { status: 400, name: "Malformed", description: "The body is not JSON." },
  { status: 401, name: "Unauthorized", description: "The token is missing or wrong." },
  { status: 403, name: "Forbidden", description: "The role or the limits of the token do not permit it." },
  { status: 404, name: "Unknown", description: "What the path names does not exist." },
  { status: 409, name: "Conflict", description: "The state of things forbids it." },
  { status: 413, name: "TooLarge", description: "The body is too large." },
  { status: 415, name: "MediaType", description: "The body is not `application/json`." },
  {
    status: 422,
    name: "Refused",
    description: "It was understood and cannot be carried out; `errors` has the fields.",
  },
  {
    status: 500,
    name: "Fault",
    description: "Something went wrong in Farebox; its log has it under the request's id.",
  },
  {
    status: 503,
    name: "Unavailable",
    description: "The database does not answer. Try again after `Retry-After`.",
  },
];

/** How an operation is asked, which decides what can be wrong with it. */
export interface Asked {
  readonly isMutation: boolean;
  readonly hasPathParameters: boolean;
  readonly hasParameters: boolean;
  readonly hasBody: boolean;
}

/** The failures that an operation can have, as references into the document's responses. */
export function failuresOf(asked: Asked): Record<string, { readonly $ref: string }> {
  const { isMutation, hasPathParameters, hasParameters, hasBody } = asked;
  const possible: Readonly<Record<number, boolean>> = {
    400: hasBody,
    404: hasPathParameters,
    409: isMutation,
    413: hasBody,
    415: hasBody,
    422: hasParameters || hasBody,
  };
  return Object.fromEntries(
    FAILURES.filter(({ status }) => possible[status] ?? true).map(({ status, name }) => [
      String(status),
      { $ref: `#/components/responses/${name}` },
    ]),
  );
}

/** The document's responses: each failure with the codes that it can have and an example. */
export function describeFailures(): Record<string, object> {
  return Object.fromEntries(FAILURES.map((failure) => [failure.name, describe(failure)]));
}

function describe({ status, description }: Failure): object {
  const codes = codesOfStatus(status);
  const listed = codes.length === 0 ? "" : ` Codes: ${codes.map((code) => `\`${code}\``).join(", ")}.`;
  const [code = "internal_error"] = codes;
  return {
    description: `Nothing was done. ${description}${listed}`,
    headers: {
      "X-Request-Id": { description: "Of the log and the audit trail.", schema: { type: "string" } },
    },
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem" },
        example: {
          type: `urn:problem-type:farebox:${code}`,
          title: code.replaceAll("_", " "),
          status,
          code,
          detail: description,
          ...(status === 422 ? { errors: [{ path: "name", reason: "must not be empty" }] } : {}),
        },
      },
    },
  };
}
