import { canonicalJson } from "../json/canonical-json.ts";
import { type MatchPattern, parseMatchPattern } from "../routes/match-pattern.ts";
import { comparePrecedence, covers, overlaps } from "../routes/match-relation.ts";
import type { Condition, Price, PriceList } from "./price.ts";

/** Which endpoint of another list a recorded request would have. Null: none, it would be unpriced. */
export interface PossibleEndpoint {
  readonly endpoint: string | null;
  /** In the order in which they are tried. */
  readonly candidates: readonly Price[];
}

/**
 * The endpoints of `after` that a request may have which had `endpoint` in `before`. Only the match is known, not the path:
 * several are possible when `after` divides what the match brought together.
 */
export function findPossibleEndpoints(
  endpoint: string,
  before: PriceList,
  after: PriceList,
): readonly PossibleEndpoint[] {
  const recorded = readPattern(endpoint);
  if (recorded === undefined) return [{ endpoint: null, candidates: [] }];
  // What `before` had and what goes before the endpoint had its requests under its own name.
  const taken = patternsOf(before).filter((pattern) => comparePrecedence(pattern, recorded) < 0);
  const rivals = patternsOf(after)
    .filter((pattern) => overlaps(pattern, recorded) && !taken.some((other) => covers(other, pattern)))
    .toSorted(comparePrecedence);
  const found: PossibleEndpoint[] = [];
  for (const rival of rivals) {
    const { text } = rival;
    found.push({ endpoint: text, candidates: after.prices.filter((price) => price.endpoint === text) });
    if (covers(rival, recorded)) return found;
  }
  return [...found, { endpoint: null, candidates: [] }];
}

/** What is known of a request by the price that it had: that its conditions held, and none of those before it did. */
export interface KnownConditions {
  readonly held: ReadonlySet<string>;
  /** Of each of these lists at least one condition did not hold. */
  readonly failed: readonly (readonly string[])[];
}

/** Whether a price can be what a request had: one whose conditions imply those of a price before it never applies. */
export function isReachable(candidates: readonly Price[], index: number): boolean {
  const { held, failed } = knowConditions(candidates, index, { withPath: true });
  return !isExcluded([], { held, failed });
}

/** What the price at `index` of its endpoint's candidates tells. Undefined index: nothing. */
export function knowConditions(
  candidates: readonly Price[],
  index: number | undefined,
  options: { readonly withPath: boolean },
): KnownConditions {
  if (index === undefined) return { held: new Set(), failed: [] };
  const isKnown = (condition: Condition): boolean => options.withPath || !("path" in condition);
  const price = candidates[index];
  return {
    held: new Set(price === undefined ? [] : conditionNames(price, isKnown)),
    failed: candidates
      .slice(0, index)
      .filter(({ when }) => when.every(isKnown))
      .map((earlier) => conditionNames(earlier)),
  };
}

/** The candidates that may apply to a request of which this is known; undefined among them: that none does. */
export function findPossiblePrices(
  candidates: readonly Price[],
  known: KnownConditions,
): readonly (Price | undefined)[] {
  const possible: (Price | undefined)[] = [];
  for (const price of candidates) {
    const conditions = conditionNames(price);
    if (conditions.every((condition) => known.held.has(condition))) return [...possible, price];
    if (!isExcluded(conditions, known)) possible.push(price);
  }
  return [...possible, undefined];
}

/** If these held, all of a list would hold of which one is known not to. */
function isExcluded(conditions: readonly string[], { held, failed }: KnownConditions): boolean {
  return failed.some((list) =>
    list.every((condition) => held.has(condition) || conditions.includes(condition)),
  );
}

/** That the account had one of its plans is a condition too; which one it had nobody has written down. */
function conditionNames(
  { plans, when }: Price,
  isKnown: (condition: Condition) => boolean = () => true,
): readonly string[] {
  const names = when.filter(isKnown).map(nameOf);
  if (plans !== undefined) names.push(`plan ${plans.join()}`);
  return names;
}

function nameOf(condition: Condition): string {
  return canonicalJson(condition);
}

function patternsOf(list: PriceList): readonly MatchPattern[] {
  return [...new Set(list.prices.map((price) => price.endpoint))].flatMap((text) => readPattern(text) ?? []);
}

function readPattern(text: string): MatchPattern | undefined {
  return parseMatchPattern(text, "", []);
}
