import assert from "node:assert/strict";

/** The parts of an OpenAPI document that the client is made from. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** An object that extends others. */
  readonly allOf?: readonly Schema[];
}

interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** One method of the client. */
export interface ClientOperation {
  readonly id: string;
  readonly summary: string;
  readonly method: string;
  readonly path: string;
  /** Members of the input that are query parameters of a request which also has a body. */
  readonly query: readonly string[];
  /** Path and query parameters and the body's fields, side by side. */
  readonly input: {
    readonly properties: Readonly<Record<string, Schema>>;
    readonly required: readonly string[];
  };
  readonly answer: Schema;
  /** Also answered as a stream of CSV. */
  readonly csv: boolean;
}

const JSON_TYPE = "application/json";

/**
 * All operations in the document's order; one that answers no JSON, a download, has no method. Fails when one does not fit a
 * method: its input would be ambiguous.
 */
export function readOperations(document: OpenApi): ClientOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => successOf(operation)?.[JSON_TYPE] !== undefined)
      .map(([method, operation]) => readOperation(document, path, method, operation)),
  );
}

function successOf(operation: OpenApiOperation): Content | undefined {
  return Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1].content;
}

function readOperation(
  document: OpenApi,
  path: string,
  method: string,
  operation: OpenApiOperation,
): ClientOperation {
  const id = operation.operationId;
  const success = successOf(operation);
  const csv = success?.["text/csv"] !== undefined;
  // The method says which of the two it wants.
  const parameters = (operation.parameters ?? []).filter(
    (parameter) => parameter.in !== "header" && !(csv && parameter.name === "format"),
  );
  const body = resolve(document, operation.requestBody?.content[JSON_TYPE]?.schema);
  assert.ok(body === undefined || body.properties !== undefined, `${id}: its body is an object with fields`);
  const names = [...parameters.map(({ name }) => name), ...Object.keys(body?.properties ?? {})];
  assert.equal(new Set(names).size, names.length, `${id}: a parameter and a field of the body share a name`);
  const answer = success?.[JSON_TYPE]?.schema;
  assert.ok(answer, `${id}: it answers JSON`);
  return {
    id,
    summary: operation.summary,
    method: method.toUpperCase(),
    path,
    query:
      body === undefined
        ? []
        : parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name),
    input: {
      properties: {
        ...Object.fromEntries(
          parameters.map(({ name, schema, description }) => [name, { description, ...schema }]),
        ),
        ...body?.properties,
      },
      required: [
        ...parameters.filter(({ required }) => required === true).map(({ name }) => name),
        ...(body?.required ?? []),
      ],
    },
    answer,
    csv,
  };
}

/** The schema with its fields, wherever they are written: a body that extends another has the fields of both. */
function resolve(document: OpenApi, schema: Schema | undefined): Schema | undefined {
  if (schema?.$ref !== undefined) {
    return resolve(document, document.components.schemas[schema.$ref.split("/").at(-1) ?? ""]);
  }
  if (schema?.allOf === undefined) return schema;
  const parts = schema.allOf.flatMap((part) => resolve(document, part) ?? []);
  return {
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required = [] }) => required),
  };
}
