import { nearestWord } from "../nearest-word.ts";
import { describeValue, type Problem } from "../problem.ts";

/** The parsed form of `"POST /v2/company_multi_source/search/{kind}"`. */
export interface MatchPattern {
  /** As written: the endpoint's name on entries and in reports. */
  readonly text: string;
  /** An upper-case method, or `"*"` for any. */
  readonly method: string;
  readonly segments: readonly PatternSegment[];
  /** Ends in `/*`: any further segments, at least one (for `/*` alone also none). */
  readonly wildcard: boolean;
  readonly trailingSlash: boolean;
}

export type PatternSegment = { readonly literal: string } | { readonly param: string };

/**
 * The methods that a pattern may name. CONNECT and TRACE are never forwarded; the rest are the registered methods that
 * APIs use, and a fixed list is what makes a misspelt one a mistake instead of a price that never applies.
 */
export const PATTERN_METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "QUERY",
  "SEARCH",
  "REPORT",
  "PROPFIND",
  "PURGE",
] as const;

const MAX_PATTERN_LENGTH = 1000;
const PARAM_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** The characters of a path segment (RFC 3986 `pchar`) and text that is not ASCII. */
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2}|[\u0080-\ud7ff\uf900-\uffff])+$/;

/**
 * Reads a match: a method (or `*`), a space, a path pattern. `{name}` stands for one whole segment, `/*` at the end for
 * all further ones; `"*"` alone is every request. Reports what is wrong and gives `undefined`.
 */
export function parseMatchPattern(
  input: unknown,
  path: string,
  problems: Problem[],
): MatchPattern | undefined {
  const refuse = (reason: string, fix: string): undefined => {
    problems.push({ path, reason, fix });
  };
  if (typeof input !== "string") {
    return refuse(
      `expected a text, got ${describeValue(input)}`,
      'write a method and a path: "GET /v1/leads"',
    );
  }
  if (input.length > MAX_PATTERN_LENGTH) {
    return refuse(`longer than ${MAX_PATTERN_LENGTH} characters`, "shorten it");
  }
  if (input === "*") return { text: "*", method: "*", segments: [], wildcard: true, trailingSlash: false };
  const parts = /^(\S+) (\S+)$/.exec(input);
  if (parts === null) {
    return refuse(
      `${describeValue(input)} is not a method, one space and a path`,
      'write it like "GET /v1/leads", with * for any method',
    );
  }
  const [, method = "", route = ""] = parts;
  if (method !== "*" && !(PATTERN_METHODS as readonly string[]).includes(method)) {
    const nearest = nearestWord(method, PATTERN_METHODS);
    const fix =
      nearest === undefined
        ? `the methods are ${PATTERN_METHODS.join(", ")} and *`
        : `did you mean ${nearest}?`;
    return refuse(`${describeValue(method)} is not a method`, fix);
  }
  const shape = parseRoute(route);
  if ("reason" in shape) return refuse(shape.reason, shape.fix);
  return { text: input, method, ...shape };
}

type Route = Pick<MatchPattern, "segments" | "wildcard" | "trailingSlash">;
type Mistake = Pick<Problem, "reason" | "fix">;

function parseRoute(route: string): Route | Mistake {
  if (!route.startsWith("/")) {
    return {
      reason: `the path ${describeValue(route)} does not begin with /`,
      fix: `write ${describeValue(`/${route}`)}`,
    };
  }
  if (/[?#]/.test(route)) {
    return {
      reason: "a match has no query",
      fix: "put conditions on the query in when: [{ query: name, equals: value }]",
    };
  }
  const wildcard = route.endsWith("/*");
  const trailingSlash = !wildcard && route.length > 1 && route.endsWith("/");
  const body = route.slice(1, wildcard ? -2 : trailingSlash ? -1 : undefined);
  const segments: PatternSegment[] = [];
  for (const text of body === "" ? [] : body.split("/")) {
    const segment = parseSegment(text);
    if ("reason" in segment) return segment;
    if ("param" in segment && paramNames(segments).includes(segment.param)) {
      return {
        reason: `two parameters are named {${segment.param}}`,
        fix: "give each parameter its own name",
      };
    }
    segments.push(segment);
  }
  return { segments, wildcard, trailingSlash };
}

function parseSegment(text: string): PatternSegment | Mistake {
  if (text === "") return { reason: "an empty segment (//)", fix: "write one slash" };
  if (text === "." || text === "..") {
    return { reason: `a ${text} segment`, fix: "write the path without it: such requests are refused" };
  }
  if (text.startsWith(":") && PARAM_NAME.test(text.slice(1))) {
    return { reason: `${text} is not a parameter`, fix: `write {${text.slice(1)}}` };
  }
  if (/[{}]/.test(text)) {
    const name = /^\{(.*)\}$/.exec(text)?.[1];
    if (name !== undefined && PARAM_NAME.test(name)) return { param: name };
    return {
      reason: `${describeValue(text)} is not a parameter`,
      fix: "a parameter is one whole segment, {name}, its name letters, digits, _ and -",
    };
  }
  if (text.includes("*")) {
    return {
      reason: "* inside a path",
      fix: "only a whole last segment may be *, as in /v1/*; use {name} elsewhere",
    };
  }
  if (!LITERAL.test(text)) {
    return { reason: `${describeValue(text)} has a character that no path has`, fix: "percent-encode it" };
  }
  return { literal: text };
}

/** The names of the pattern's parameters, in order. */
export function paramNames(segments: readonly PatternSegment[]): readonly string[] {
  return segments.flatMap((segment) => ("param" in segment ? [segment.param] : []));
}
