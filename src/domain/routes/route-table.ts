import findMyWay from "find-my-way";
import { FareboxError } from "../farebox-error.ts";
import type { MatchPattern } from "./match-pattern.ts";
import { decodeSegment, splitPath } from "./path-segments.ts";

export interface RouteTableOptions {
  /**
   * False (prices, limits): letter case, doubled and trailing slashes, percent-encoding and `;parameters` of a segment
   * do not matter, because to many upstreams they do not matter either, and `/V1/IP-Lookup/` must not be a way not to
   * pay. True (open routes): the path must be written exactly so, because there a loose match would let more in.
   */
  readonly exact: boolean;
  /** Whether HEAD finds what GET would, unless a pattern names it. */
  readonly headAsGet: boolean;
}

export interface RouteMatch<T> {
  readonly pattern: MatchPattern;
  readonly value: T;
  /** Each decoded once; letter case kept. */
  readonly pathParams: Readonly<Record<string, string>>;
}

interface Route<T> {
  readonly pattern: MatchPattern;
  readonly value: T;
}

interface MethodRoutes<T> {
  readonly router: findMyWay.Instance<findMyWay.HTTPVersion.V1>;
  /** What the path `/` finds. It is kept apart because the router would take it for a parameter with an empty value. */
  readonly root: Route<T> | undefined;
  /** Patterns of literals only, by their path: nothing is more specific, so what is found here needs no search. */
  readonly literals: ReadonlyMap<string, Route<T>>;
  /** Some pattern has a parameter or `/*`, so there is something to search. */
  readonly searches: boolean;
}

/**
 * Finds the most specific pattern for a method and path: segment by segment a literal goes before a parameter, and a
 * parameter before `/*`; at the same place a named method goes before `*`. `*` never covers OPTIONS, and covers HEAD
 * only where `headAsGet` says so.
 *
 * The path is matched as it is forwarded: it is never decoded twice, has no length limit and no query.
 */
export class RouteTable<T> {
  readonly #options: RouteTableOptions;
  /** By method; `"*"` serves the methods that no pattern names. Each holds the patterns for any method too. */
  readonly #methods = new Map<string, MethodRoutes<T>>();

  /** Throws FareboxError `route_conflict` when two patterns are the same place; see {@link routeKey}. */
  constructor(routes: readonly (readonly [MatchPattern, T])[], options: RouteTableOptions) {
    this.#options = options;
    const seen = new Map<string, MatchPattern>();
    for (const [pattern] of routes) {
      const key = routeKey(pattern, options);
      const other = seen.get(key);
      if (other !== undefined) {
        throw new FareboxError(
          "route_conflict",
          `"${pattern.text}" matches the same requests as "${other.text}"`,
          {
            detail: { match: pattern.text, other: other.text },
          },
        );
      }
      seen.set(key, pattern);
    }
    for (const method of new Set(["*", ...routes.map(([pattern]) => pattern.method)])) {
      this.#methods.set(method, this.#buildMethod(method, routes));
    }
  }

  find(method: string, path: string): RouteMatch<T> | undefined {
    if (!path.startsWith("/")) return undefined;
    const routes = this.#routesOf(method);
    if (routes === undefined || (!routes.searches && routes.literals.size === 0)) return undefined;
    const route = search(routes, canonicalPath(path, this.#options.exact));
    if (route === undefined) return undefined;
    const { pattern, value } = route;
    if (this.#options.exact && !isExactly(pattern, path)) return undefined;
    return { pattern, value, pathParams: readParams(pattern, path) };
  }

  #routesOf(method: string): MethodRoutes<T> | undefined {
    const own = this.#methods.get(method);
    if (method === "HEAD") {
      return own ?? (this.#options.headAsGet ? this.#routesOf("GET") : undefined);
    }
    return method === "OPTIONS" ? own : (own ?? this.#methods.get("*"));
  }

  #buildMethod(method: string, routes: readonly (readonly [MatchPattern, T])[]): MethodRoutes<T> {
    const router = findMyWay({ maxParamLength: Number.MAX_SAFE_INTEGER });
    const taken = new Map<string, Route<T>>();
    const literals = new Map<string, Route<T>>();
    const coversAny = method !== "OPTIONS" && (method !== "HEAD" || this.#options.headAsGet);
    // A pattern of GET serves HEAD after HEAD's own and before those of any method.
    const inOrder = [
      method,
      ...(method === "HEAD" && this.#options.headAsGet ? ["GET"] : []),
      ...(coversAny && method !== "*" ? ["*"] : []),
    ];
    for (const wanted of inOrder) {
      for (const [pattern, value] of routes) {
        if (pattern.method !== wanted) continue;
        const path = routerPath(pattern, this.#options.exact);
        if (taken.has(path)) continue;
        const route: Route<T> = { pattern, value };
        taken.set(path, route);
        if (isLiteral(pattern)) literals.set(path, route);
        // The router calls no handler here: only its search is used.
        if (path !== "/") router.on("GET", path, () => undefined, route);
      }
    }
    const searches = literals.size < taken.size;
    return { router, root: taken.get("/") ?? taken.get("/*"), literals, searches };
  }
}

function search<T>(
  { router, root, literals, searches }: MethodRoutes<T>,
  path: string,
): Route<T> | undefined {
  if (path === "/") return root;
  const literal = literals.get(path);
  if (literal !== undefined || !searches) return literal;
  const found: { readonly store: Route<T> } | null = router.find("GET", path);
  return found?.store;
}

function isLiteral({ segments, wildcard }: MatchPattern): boolean {
  return !wildcard && segments.every((segment) => "literal" in segment);
}

/** The same text for two patterns that match the same requests, whatever their parameters are called. */
export function routeKey(pattern: MatchPattern, options: Pick<RouteTableOptions, "exact">): string {
  const slash = options.exact && pattern.trailingSlash ? "/" : "";
  return `${pattern.method} ${routerPath(pattern, options.exact)}${slash}`;
}

function routerPath(pattern: MatchPattern, exact: boolean): string {
  const path = pattern.segments
    .map((segment) => ("param" in segment ? "/:param" : `/${canonicalSegment(segment.literal, exact)}`))
    .join("");
  if (pattern.wildcard) return `${path}/*`;
  return path === "" ? "/" : path;
}

/** What nearly all requests look like. */
const PLAIN = /^(?:\/[A-Za-z0-9._~-]+)+$/;

/** A path in the form in which it is compared: `/` and the canonical segments, none of them empty. */
export function canonicalPath(path: string, exact: boolean): string {
  if (PLAIN.test(path)) return exact ? path : path.toLowerCase();
  return `/${splitPath(path)
    .map((segment) => canonicalSegment(segment, exact))
    .join("/")}`;
}

/** The characters that mean something to the router: separators, its own syntax, and what it would decode or cut at. */
const ROUTER_SYNTAX = /[%?#/:*]/g;
/** They are replaced by characters of Unicode's private use area, in patterns and in paths alike. */
const PRIVATE_USE = 0xe000;

/** One segment of a path or a literal of a pattern, as {@link canonicalPath} has it. */
export function canonicalSegment(raw: string, exact: boolean): string {
  const semicolon = exact ? -1 : raw.indexOf(";", 1);
  const decoded = decodeSegment(semicolon === -1 ? raw : raw.slice(0, semicolon));
  const folded = exact ? decoded : foldSegment(decoded);
  return folded.replace(ROUTER_SYNTAX, (character) =>
    String.fromCharCode(PRIVATE_USE + character.charCodeAt(0)),
  );
}

const ASCII = /^[ -~]*$/;

/** Without regard to letter case, and to the forms that Unicode has for one character. */
function foldSegment(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : text.normalize("NFKC").toLowerCase();
}

function isExactly(pattern: MatchPattern, path: string): boolean {
  const segments = path.slice(1).split("/");
  const wanted = pattern.segments.length;
  if (path !== "/" && segments.slice(0, -1).includes("")) return false;
  if (!pattern.wildcard && path !== "/" && path.endsWith("/") !== pattern.trailingSlash) return false;
  return pattern.segments.every(
    (segment, index) => index < wanted && ("param" in segment || segment.literal === segments[index]),
  );
}

function readParams(pattern: MatchPattern, path: string): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  let segments: readonly string[] | undefined;
  for (const [index, segment] of pattern.segments.entries()) {
    if (!("param" in segment)) continue;
    segments ??= splitPath(path);
    params[segment.param] = decodeSegment(segments[index] ?? "");
  }
  return params;
}
