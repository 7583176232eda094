import { OPERATION_ROLES } from "../access/operation-roles.ts";
import type { OperatorApp } from "../operator-env.ts";
import { describeFailures, failuresOf } from "./failures.ts";
import { TAGS } from "./tags.ts";

/** What of a generated document is completed here; the rest is passed on. */
interface Operation {
  readonly operationId?: string;
  readonly description?: string | undefined;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Parameter {
  readonly in?: string;
  readonly name?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: object;
}

const DESCRIPTION = `Accounts, keys, credits and prices. Every request needs the operator token, or a named one whose role permits the operation.

Amounts are plain decimal numbers of credits with at most six decimals. Times are ISO 8601 with an offset. Mutations take an
\`Idempotency-Key\`; what is not a success is a problem body (RFC 9457) with a \`code\`.`;

/**
 * The OpenAPI 3.1 document of all operations that were added to the app: generated from the schemas that check the
 * requests, with each operation's failures, the tags and the licence.
 */
export function describeApi(app: OperatorApp, version: string): object {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Farebox operator API",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/", description: "The operator listener of this instance." }],
    tags: [...TAGS],
  });
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, completeOperation(operation)]),
    ),
  ]);
  return withPlainPatterns({
    ...document,
    paths: Object.fromEntries(paths),
    components: { ...document.components, responses: describeFailures() },
  });
}

function completeOperation(operation: Operation): Operation {
  const parameters = (operation.parameters ?? []).map((parameter) => withoutExample(parameter));
  const failures = failuresOf({
    isMutation: parameters.some(({ name }) => name === "idempotency-key"),
    hasPathParameters: parameters.some((parameter) => parameter.in === "path"),
    hasParameters: parameters.length > 0,
    hasBody: operation.requestBody !== undefined,
  });
  const role = OPERATION_ROLES[operation.operationId ?? ""];
  const description = role === undefined ? undefined : `Needs the role \`${role}\`.`;
  return { ...operation, description, parameters, responses: { ...failures, ...operation.responses } };
}

/** Pages that try operations fill examples in: of a parameter that may be left out it is told in the text, so that it is not sent. */
function withoutExample(parameter: Parameter): Parameter {
  const { schema, required, description } = parameter;
  if (required === true || schema === undefined || !("example" in schema)) return parameter;
  const { example, ...rest } = schema;
  const text = [...(description === undefined ? [] : [description]), `Example: \`${String(example)}\``].join(
    " ",
  );
  return { ...parameter, description: text, schema: rest };
}

/** A pattern of JSON Schema is a Unicode expression always; the generator writes the flag into it. */
function withPlainPatterns(document: object): object {
  const text = JSON.stringify(document, (name, value: unknown) =>
    name === "pattern" && typeof value === "string" ? value.replace(/\/u$/, "") : value,
  );
  const plain: unknown = JSON.parse(text);
  return Object(plain);
}
