import type { Price, PriceList } from "../prices/price.ts";
import type { PriceTable } from "../prices/price-table.ts";
import { type MatchPattern, type PatternSegment, parseMatchPattern } from "../routes/match-pattern.ts";
import { canonicalSegment } from "../routes/route-table.ts";
import { KeyScopes } from "./key-scopes.ts";

/**
 * How many of an endpoint's requests a key may make: every one, `some` (its scopes are narrower than the endpoint: one
 * record of `/v1/leads/{id}`), or none.
 */
type Permitted = "all" | "some" | "none";

export interface Permissions {
  /** The list's endpoints in its order. */
  readonly endpoints: readonly EndpointPermission[];
  /** Requests that no price matches: what the list does with them, and which of them the key may make. */
  readonly unpriced: { readonly policy: PriceList["unpriced"]; readonly permitted: Permitted };
}

interface EndpointPermission {
  /** The match as written. */
  readonly endpoint: string;
  readonly permitted: Permitted;
  /** The prices with this match, in order; the first whose conditions hold applies. */
  readonly prices: readonly Price[];
}

/** Kinds of requests looked at per endpoint. Beyond it, which real lists do not come near, the answer is what was seen so far. */
const MAX_SAMPLES = 20_000;

/** A method that no pattern can name. */
const OTHER_METHOD = "OTHER";

/**
 * Which endpoints of a price list (as its table, which takes longest to build) a key with these scopes (null: every one) may call. Exact: requests that no pattern of
 * the list and the scopes tells apart are one kind, and of each kind one request is put to the price table and to the
 * scopes themselves. So an endpoint that a scope overlaps only where a more specific endpoint has its requests is `none`.
 * One that more specific ones leave nothing of is `all`. OPTIONS needs no key, and HEAD goes with GET: neither is looked at,
 * but for a HEAD that has a price.
 */
export function computePermissions(table: PriceTable, scopes: readonly string[] | null): Permissions {
  const { list } = table;
  const byEndpoint = Map.groupBy(list.prices, (price) => price.endpoint);
  const judge = scopes === null ? () => "all" as const : buildJudge(table, [...byEndpoint.keys()], scopes);
  return {
    endpoints: [...byEndpoint].map(([endpoint, prices]) => ({
      endpoint,
      permitted: judge(endpoint),
      prices,
    })),
    unpriced: { policy: list.unpriced, permitted: judge(undefined) },
  };
}

/** Judges an endpoint, or (undefined) the requests that have no price. */
function buildJudge(
  table: PriceTable,
  endpoints: readonly string[],
  texts: readonly string[],
): (endpoint: string | undefined) => Permitted {
  const scopes = new KeyScopes(texts);
  const tree = new Branch();
  // `*` covers neither HEAD nor OPTIONS in a price; methods that no pattern names are all alike.
  const methods = new Set([OTHER_METHOD]);
  for (const text of [...endpoints, ...texts]) {
    const pattern = parseMatchPattern(text, "", []);
    tree.add(pattern?.segments ?? []);
    methods.add(pattern?.method ?? OTHER_METHOD);
  }
  for (const uncovered of ["*", "HEAD", "OPTIONS"]) methods.delete(uncovered);
  return (endpoint) => {
    const pattern = parseMatchPattern(endpoint ?? "*", "", []);
    if (pattern === undefined) return "none";
    const samples = sampleRequests(pattern, pattern.method === "*" ? methods : [pattern.method], tree);
    return judgeSamples(samples, table, scopes, endpoint);
  };
}

function judgeSamples(
  samples: Iterable<Sample>,
  table: PriceTable,
  scopes: KeyScopes,
  endpoint: string | undefined,
): Permitted {
  let seen = 0;
  let permitted = false;
  let refused = false;
  for (const { method, path } of samples) {
    seen += 1;
    if (seen > MAX_SAMPLES) break;
    if (table.find(method, path)?.endpoint !== endpoint) continue;
    if (scopes.permits(method, path)) permitted = true;
    else refused = true;
    if (permitted && refused) return "some";
  }
  return refused ? "none" : "all";
}

interface Sample {
  readonly method: string;
  readonly path: string;
}

/** The segments of all patterns, as a tree: what may follow a path's beginning. */
class Branch {
  /** By the literal in the form in which paths are compared. */
  readonly literals = new Map<string, { readonly text: string; readonly branch: Branch }>();
  any: Branch | undefined;

  add([segment, ...rest]: readonly PatternSegment[]): void {
    if (segment === undefined) return;
    if ("param" in segment) {
      this.any ??= new Branch();
      this.any.add(rest);
      return;
    }
    const literal = canonicalSegment(segment.literal, false);
    const found = this.literals.get(literal) ?? { text: segment.literal, branch: new Branch() };
    this.literals.set(literal, found);
    found.branch.add(rest);
  }
}

/** One request of each kind that the pattern matches and the patterns of the tree tell apart. */
function* sampleRequests(pattern: MatchPattern, methods: Iterable<string>, tree: Branch): Generator<Sample> {
  for (const path of samplePaths(pattern, [tree], [])) {
    for (const method of methods) yield { method, path };
  }
}

/**
 * The paths of the pattern that begin with `prefix`; `branches` are where it leads in the tree. At each place the segments
 * that matter are the literals there and one that is none of them. Behind `/*` the lengths that matter end one segment after
 * the last branch.
 */
function* samplePaths(
  pattern: MatchPattern,
  branches: readonly Branch[],
  prefix: readonly string[],
): Generator<string> {
  const place = prefix.length;
  const fixed = pattern.segments.length;
  if (place === fixed ? !pattern.wildcard || place === 0 : place > fixed) yield `/${prefix.join("/")}`;
  if (place >= fixed && (!pattern.wildcard || (place > fixed && branches.length === 0))) return;
  const own = pattern.segments[place];
  const texts = own !== undefined && "literal" in own ? [own.literal] : segmentsAt(branches);
  for (const text of texts) {
    const literal = canonicalSegment(text, false);
    const next = branches.flatMap((branch) =>
      [branch.literals.get(literal)?.branch ?? [], branch.any ?? []].flat(),
    );
    yield* samplePaths(pattern, next, [...prefix, text]);
  }
}

/** One way to write each literal there, and a segment that is none of them. */
function segmentsAt(branches: readonly Branch[]): readonly string[] {
  const texts = new Map<string, string>();
  for (const branch of branches) {
    for (const [literal, { text }] of branch.literals) texts.set(literal, text);
  }
  let other = "x";
  while (texts.has(other)) other += "x";
  return [...texts.values(), other];
}
