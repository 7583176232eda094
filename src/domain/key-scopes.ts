import { type MatchPattern, parseMatchPattern } from "./match-pattern.ts";
import { at, describeValue, type Problem } from "./problem.ts";
import { canonicalPath, canonicalSegment } from "./route-table.ts";

/** They are compared one by one at every request of the key. */
const MAX_SCOPES = 50;

/**
 * The endpoints that a key may call: a request is permitted when any of the patterns matches it. Paths are compared as
 * prices compare them (letter case, encoding and a trailing slash do not matter), so that a priced endpoint is either
 * inside a key's scopes or outside, however it is written. HEAD is permitted where GET is.
 *
 * No {@link RouteTable}: nothing has to be found, and its 18 KB for three patterns are too many for each cached key.
 */
export class KeyScopes {
  /** As they were given. */
  readonly texts: readonly string[];
  readonly #scopes: readonly Scope[];

  /** What is not a pattern permits nothing. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#scopes = texts.flatMap((text) => {
      const pattern = parseMatchPattern(text, "", []);
      return pattern === undefined ? [] : [readScope(pattern)];
    });
  }

  /** The path as it is forwarded, without its query. */
  permits(method: string, path: string): boolean {
    if (!path.startsWith("/")) return false;
    const canonical = canonicalPath(path, false);
    const segments = canonical === "/" ? [] : canonical.slice(1).split("/");
    return this.#scopes.some((scope) => scopeMatches(scope, method, segments));
  }
}

/** A pattern ready for comparing. */
interface Scope {
  readonly method: string;
  /** Canonical literals; undefined: any one segment. */
  readonly segments: readonly (string | undefined)[];
  readonly wildcard: boolean;
}

/** Reads a key's scopes: patterns, each place once. Reports everything that is wrong and then gives `undefined`. */
export function parseScopes(
  input: unknown,
  path: string,
  problems: Problem[],
): readonly string[] | undefined {
  const before = problems.length;
  if (!Array.isArray(input)) {
    problems.push({
      path,
      reason: `expected a list, got ${describeValue(input)}`,
      mend: 'write a list of matches: ["GET /v1/leads", "* /v1/exports/*"]',
    });
    return undefined;
  }
  if (input.length === 0 || input.length > MAX_SCOPES) {
    problems.push({
      path,
      reason:
        input.length === 0 ? "a key without an endpoint can do nothing" : `more than ${MAX_SCOPES} matches`,
      mend:
        input.length === 0
          ? "name at least one endpoint; null means every endpoint"
          : "put endpoints together with {name} or /*",
    });
    return undefined;
  }
  const patterns = input.map((item, index) => parseMatchPattern(item, at(path, index), problems));
  if (problems.length > before) return undefined;
  return [...new Set(patterns.map((pattern) => pattern?.text ?? ""))];
}

function readScope(pattern: MatchPattern): Scope {
  return {
    method: pattern.method,
    segments: pattern.segments.map((segment) =>
      "param" in segment ? undefined : canonicalSegment(segment.literal, false),
    ),
    wildcard: pattern.wildcard,
  };
}

function scopeMatches(scope: Scope, method: string, segments: readonly string[]): boolean {
  if (!methodMatches(scope.method, method)) return false;
  const wanted = scope.segments.length;
  // `/*` alone is also the path `/`; below a path it is at least one segment more.
  const longEnough = scope.wildcard
    ? segments.length > wanted || (wanted === 0 && segments.length === 0)
    : segments.length === wanted;
  return (
    longEnough &&
    scope.segments.every((segment, index) => segment === undefined || segment === segments[index])
  );
}

/** As in a {@link RouteTable} for limits: `*` never covers OPTIONS, GET covers HEAD. */
function methodMatches(wanted: string, method: string): boolean {
  if (wanted === method) return true;
  if (wanted === "*") return method !== "OPTIONS";
  return wanted === "GET" && method === "HEAD";
}
