import { type MatchPattern, parseMatchPattern } from "../routes/match-pattern.ts";
import { canonicalPath, canonicalSegment } from "../routes/route-table.ts";

/** A key has no more scopes: they are compared one by one at every request. */
export const MAX_SCOPES = 50;

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
