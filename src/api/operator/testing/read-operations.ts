import type { OperatorUnderTest } from "./operator-under-test.ts";
import type { ValueSchema } from "./wrong-values.ts";

/** An operation of the API as its document describes it. */
export interface DescribedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly title: string;
  readonly pathParameters: readonly string[];
  readonly query: Readonly<Record<string, ValueSchema>>;
  /** The schema of the body; undefined when it has none. */
  readonly body: ValueSchema | undefined;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: ValueSchema;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: ValueSchema } };
  };
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, ValueSchema>> };
}

/** All operations of the API, and what its references mean. */
export async function readOperations(operator: OperatorUnderTest): Promise<{
  readonly operations: readonly DescribedOperation[];
  readonly resolve: (reference: string) => ValueSchema;
}> {
  const document: Document = (await operator.get("/v1/openapi.json")).body;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody }]) => ({
      id: operationId,
      method: method.toUpperCase(),
      path,
      title: `${method.toUpperCase()} ${path}`,
      pathParameters: parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name),
      query: Object.fromEntries(
        parameters.filter((parameter) => parameter.in === "query").map(({ name, schema }) => [name, schema]),
      ),
      body: requestBody?.content["application/json"].schema,
    })),
  );
  const resolve = (reference: string): ValueSchema =>
    document.components.schemas[reference.split("/").at(-1) ?? ""] ?? {};
  return { operations, resolve };
}

/** A path with its parameters filled in. */
export function fillPath(path: string, params: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}
