import type { DocumentPath } from "../contract/yaml-document.ts";
import { isJsonObject } from "../domain/json/json-value.ts";

/** One operation of an OpenAPI document. */
export interface Operation {
  /** In upper case: `GET`. */
  readonly method: string;
  /** The template with the server's path before it: `/v2/leads/{id}`. */
  readonly path: string;
  /** `GET /v2/leads/{id}`: as a price's match writes it. */
  readonly match: string;
  /** Where the operation stands in the document. */
  readonly place: DocumentPath;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What cannot be read of a document, and where. */
export interface OpenApiProblem {
  readonly place: DocumentPath;
  readonly reason: string;
  readonly fix: string;
}

/** Methods that a document's path may have and that can be priced. OPTIONS and TRACE never are. */
const METHODS: ReadonlySet<string> = new Set(["get", "put", "post", "delete", "head", "patch", "query"]);

/**
 * The operations of an OpenAPI 3 document, in its order. `basePath` replaces the path of its servers. What is referred to
 * from elsewhere (`$ref` on a path) is a problem: what stands there may belong to other paths as well.
 */
export function readOperations(
  document: unknown,
  basePath: string | undefined,
): { readonly operations: readonly Operation[]; readonly problems: readonly OpenApiProblem[] } {
  const problems: OpenApiProblem[] = [];
  const operations: Operation[] = [];
  if (!isJsonObject(document) || !String(document["openapi"]).startsWith("3.")) {
    const reason =
      isJsonObject(document) && document["swagger"] !== undefined
        ? "is Swagger 2"
        : "is no OpenAPI 3 document";
    problems.push({ place: [], reason, fix: "give a document that begins with openapi: 3.0 or later" });
    return { operations, problems };
  }
  const paths = document["paths"];
  for (const [template, item] of Object.entries(isJsonObject(paths) ? paths : {})) {
    if (!isJsonObject(item) || !template.startsWith("/")) continue;
    if (item["$ref"] !== undefined) {
      const reason = "is defined elsewhere ($ref), maybe for several paths";
      problems.push({ place: ["paths", template, "$ref"], reason, fix: "write the path's operations here" });
      continue;
    }
    for (const [name, value] of Object.entries(item)) {
      if (!METHODS.has(name) || !isJsonObject(value)) continue;
      const method = name.toUpperCase();
      const path = `${basePath ?? serverPath([value, item, document])}${template}`;
      operations.push({ method, path, match: `${method} ${path}`, place: ["paths", template, name], value });
    }
  }
  return { operations, problems };
}

/** The path of the first server of the nearest that names servers. */
function serverPath(scopes: readonly Readonly<Record<string, unknown>>[]): string {
  const servers = scopes
    .map((scope) => scope["servers"])
    .find((list) => Array.isArray(list) && list.length > 0);
  const server: unknown = Array.isArray(servers) ? servers[0] : undefined;
  if (!isJsonObject(server) || typeof server["url"] !== "string") return "";
  const variables = isJsonObject(server["variables"]) ? server["variables"] : {};
  const url = server["url"].replaceAll(/\{([^}]*)\}/g, (_, name: string) => {
    const variable = variables[name];
    return isJsonObject(variable) ? String(variable["default"]) : "";
  });
  const path = URL.parse(url, "http://relative.invalid/")?.pathname ?? "";
  return path.replace(/\/+$/, "");
}
