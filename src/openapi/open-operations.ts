import { problemsError } from "../contract/file-problem.ts";
import { formatPath } from "../contract/yaml-document.ts";
import { type Operation, readOperations } from "./operations.ts";
import { type ReadDocument, readDocument } from "./read-document.ts";

/** The largest documents of public APIs have some ten million characters. */
export const MAX_OPENAPI_CHARACTERS = 16_777_216;

/** An OpenAPI 3 document of YAML or JSON, and its operations in its order. Throws FareboxError `openapi_invalid`. */
export function openOperations(
  file: string,
  text: string,
  basePath: string | undefined,
): { readonly document: ReadDocument; readonly operations: readonly Operation[] } {
  const document = readDocument(file, text, MAX_OPENAPI_CHARACTERS);
  if (!("value" in document)) throw problemsError("openapi_invalid", "The OpenAPI document", document);
  const { operations, problems } = readOperations(document.value, basePath);
  if (problems.length === 0) return { document, operations };
  const placed = problems.map(({ place, reason, fix }) => ({
    file,
    line: document.lineOf(place),
    path: formatPath(place),
    reason,
    fix,
  }));
  throw problemsError("openapi_invalid", "The OpenAPI document", placed);
}
