import type { MatchPattern } from "./match-pattern.ts";
import { canonicalSegment } from "./route-table.ts";

/**
 * How the requests of two matches lie to one another, when only the matches are known: a recorded charge has its endpoint,
 * not its path. As prices compare: letter case and encoding do not matter, HEAD is also GET, `*` is not OPTIONS.
 */

/** Whether every request that `narrow` matches is matched by `wide` too. */
export function covers(wide: MatchPattern, narrow: MatchPattern): boolean {
  if (!methodCovers(wide.method, narrow.method)) return false;
  const length = wide.segments.length;
  const fits = wide.wildcard
    ? length === 0 || shortest(narrow) > length
    : !narrow.wildcard && narrow.segments.length === length;
  return (
    fits &&
    wide.segments.every((segment, index) => {
      const literal = literalAt(narrow, index);
      return "param" in segment || literal === canonicalSegment(segment.literal, false);
    })
  );
}

/** Whether a request can be matched by both. */
export function overlaps(one: MatchPattern, other: MatchPattern): boolean {
  if (!methodCovers(one.method, other.method) && !methodCovers(other.method, one.method)) return false;
  const common = Math.min(one.segments.length, other.segments.length);
  for (let index = 0; index < common; index += 1) {
    const left = literalAt(one, index);
    const right = literalAt(other, index);
    if (left !== undefined && right !== undefined && left !== right) return false;
  }
  return lengthsMeet(one, other);
}

/**
 * Orders matches as a request looks for its endpoint: negative when `one` goes before `other` where both match. A literal goes
 * before a parameter, a parameter before `/*`, segment by segment; then HEAD before GET, and a named method before `*`.
 */
export function comparePrecedence(one: MatchPattern, other: MatchPattern): number {
  const left = ranks(one);
  const right = ranks(other);
  if (left !== right) return left < right ? -1 : 1;
  return methodRank(one.method) - methodRank(other.method);
}

function methodCovers(wide: string, narrow: string): boolean {
  return wide === narrow || (wide === "GET" && narrow === "HEAD") || (wide === "*" && narrow !== "OPTIONS");
}

function methodRank(method: string): number {
  return method === "HEAD" ? 0 : method === "*" ? 2 : 1;
}

/** How many segments its shortest path has. `/*` alone is also the path `/`; below a path it is at least one segment more. */
function shortest({ segments, wildcard }: MatchPattern): number {
  return wildcard && segments.length > 0 ? segments.length + 1 : segments.length;
}

/** Whether a path can have as many segments as both ask for. */
function lengthsMeet(one: MatchPattern, other: MatchPattern): boolean {
  if (one.wildcard && other.wildcard) return true;
  if (one.wildcard) return other.segments.length >= shortest(one);
  return other.wildcard
    ? one.segments.length >= shortest(other)
    : one.segments.length === other.segments.length;
}

/** The segment's canonical text; undefined for a parameter, and where there is none. */
function literalAt(pattern: MatchPattern, index: number): string | undefined {
  const segment = pattern.segments[index];
  return segment === undefined || "param" in segment ? undefined : canonicalSegment(segment.literal, false);
}

/** One character for each segment; in the order of characters, a match with a smaller text goes first. */
function ranks({ segments, wildcard }: MatchPattern): string {
  return segments.map((segment) => ("param" in segment ? "1" : "0")).join("") + (wildcard ? "2" : "");
}
