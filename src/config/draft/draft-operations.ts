import { problemsError } from "../../contract/file-problem.ts";
import type { Problem } from "../../domain/problem.ts";
import { type MatchPattern, parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import { openOperations } from "../../openapi/open-operations.ts";
import type { Operation } from "../../openapi/operations.ts";

/** An operation of an OpenAPI document as a line of prices. */
export interface DraftedOperation {
  /** `GET /v1/leads/{id}`. Of one that no price can name, as the document has it. */
  readonly match: string;
  /** What the document says of it, in a line; undefined: nothing. */
  readonly summary: string | undefined;
  /** Why no price can name it; undefined: one can. */
  readonly reason: string | undefined;
}

/** The operations of an OpenAPI 3 document of YAML or JSON, in its order. Throws FareboxError `openapi_invalid`. */
export function draftOperations(
  file: string,
  text: string,
  basePath: string | undefined,
): readonly DraftedOperation[] {
  const { operations } = openOperations(file, text, basePath);
  if (operations.length === 0) {
    const fix = "name the document that has them, or leave --openapi out to begin with examples";
    const problem = { file, line: undefined, path: "paths", reason: "has no operation", fix };
    throw problemsError("openapi_invalid", "The OpenAPI document", [problem]);
  }
  const taken = new Map<string, string>();
  // HEAD has the price of its GET.
  return operations.filter(({ method }) => method !== "HEAD").map((operation) => draft(operation, taken));
}

function draft(operation: Operation, taken: Map<string, string>): DraftedOperation {
  // Some tell operations of one path apart by a query or a fragment behind it: a match has none, conditions do.
  const [path = ""] = operation.path.split(/[?#]/);
  const match = `${operation.method} ${nameParameters(path)}`;
  const summary = summarise(operation);
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "", problems);
  if (pattern === undefined) return { match: operation.match, summary, reason: problems[0]?.reason };
  const shape = shapeOf(pattern);
  const other = taken.get(shape);
  if (other !== undefined)
    return { match: operation.match, summary, reason: sameAs(other, path !== operation.path) };
  taken.set(shape, match);
  return { match, summary, reason: undefined };
}

function sameAs(match: string, isByQuery: boolean): string {
  const apart = isByQuery ? "; a condition on the query tells them apart (when)" : "";
  return `${match} has the same requests${apart}`;
}

/**
 * Documents name parameters as they like (`{user.id}`) and put them into a part of a segment (`{id}.json`); in a match a parameter is a
 * whole segment, named by letters, digits, `_` and `-`, each once.
 */
function nameParameters(path: string): string {
  const taken = new Set<string>();
  return path
    .split("/")
    .map((segment) => {
      if (!segment.includes("{")) return segment;
      const name =
        segment
          .replaceAll(/[^A-Za-z0-9-]+/g, "_")
          .replaceAll(/^[^A-Za-z]+|_+$/g, "")
          .slice(0, 60) || "parameter";
      let unique = name;
      for (let next = 2; taken.has(unique); next += 1) unique = `${name}_${next}`;
      taken.add(unique);
      return `{${unique}}`;
    })
    .join("/");
}

/** Two patterns of one shape match the same requests: letter case, names of parameters and a slash at the end do not matter. */
function shapeOf({ method, segments }: MatchPattern): string {
  return [
    method,
    ...segments.map((segment) => ("param" in segment ? "{}" : segment.literal.toLowerCase())),
  ].join("/");
}

const SUMMARY_LENGTH = 80;

function summarise({ value }: Operation): string | undefined {
  const text = [value["summary"], value["description"], value["operationId"]].find(
    (one): one is string => typeof one === "string" && one.trim() !== "",
  );
  if (text === undefined) return undefined;
  const line = (text.trim().split(/[\r\n\u0085\u2028\u2029]/)[0] ?? "").replaceAll(/[^\P{C}]/gu, " ").trim();
  return line.length > SUMMARY_LENGTH ? `${line.slice(0, SUMMARY_LENGTH)}…` : line;
}
