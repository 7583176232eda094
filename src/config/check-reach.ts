import type { ContractFile } from "../contract/contract-schema.ts";
import { isOurHeader, NEVER_FORWARDED } from "../domain/never-forwarded.ts";
import type { Price } from "../domain/prices/price.ts";
import { requestReadsOf } from "../domain/prices/request-reads.ts";
import { at, type Problem } from "../domain/problem.ts";
import { type MatchPattern, parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { comparePrecedence, overlaps } from "../domain/routes/match-relation.ts";
import type { ConfigFile } from "./schema.ts";

/** What would never come about: requests that never reach a price, fields that never reach the upstream. */

/**
 * What needs no key is never priced, so `open` may take single requests out of a wider match, and nothing else: where the price's match
 * is as narrow or narrower, its requests would be free.
 */
export function checkOpenIsFree(
  open: readonly string[],
  prices: readonly Price[],
  problems: Problem[],
): void {
  for (const [index, price] of prices.entries()) {
    const wide = price.free ? undefined : findOpener(open, price.endpoint);
    if (wide === undefined) continue;
    problems.push({
      path: at(at("prices", index), "match"),
      reason: `"${price.endpoint}" is priced, and open without a key${byWider(wide, price.endpoint)}`,
      fix: "name in open only what is free, or make the price free",
    });
  }
}

/** The match in `open` that takes requests from this one; those of a narrower one are taken out of it on purpose. */
function findOpener(open: readonly string[], match: string): MatchPattern | undefined {
  const taken = patternOf(match);
  if (taken === undefined) return undefined;
  return open
    .flatMap((text) => patternOf(text) ?? [])
    .find((pattern) => overlaps(pattern, taken) && comparePrecedence(pattern, taken) >= 0);
}

function byWider(wide: MatchPattern, match: string): string {
  return wide.text === match ? "" : ` by "${wide.text}"`;
}

function patternOf(match: string): MatchPattern | undefined {
  return parseMatchPattern(match, "", []);
}

/** An invisible sign in a match: no request has it, and what looks the same would be unpriced. */
export function checkMatches(
  { open, limits }: Pick<ConfigFile, "open" | "limits">,
  problems: Problem[],
): void {
  for (const [index, match] of open.entries()) refuseInvisible(at("open", index), match, problems);
  for (const [index, { match }] of limits.entries())
    refuseInvisible(at(at("limits", index), "match"), match, problems);
}

/** Of a match, or of a field that is read. */
export function refuseInvisible(
  path: string,
  text: string,
  problems: Problem[],
  fix = "remove it, or percent-encode it if paths have it",
): void {
  const [sign] = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}]/u.exec(text) ?? [];
  if (sign === undefined) return;
  const code = sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
  problems.push({ path, reason: `has a sign that cannot be seen, U+${code}`, fix });
}

/**
 * A header that a price reads must be what the upstream gets: a request with one that is not forwarded is refused. So a price must not
 * read those that never are, the key's, and those that every upstream's credentials replace.
 */
export function checkReadHeaders(
  contract: Pick<ContractFile, "key" | "name">,
  upstreams: readonly { readonly headers: Readonly<Record<string, string>> }[],
  prices: readonly Price[],
  problems: Problem[],
): void {
  const keys = new Set(contract.key.flatMap((place) => ("header" in place ? [plain(place.header)] : [])));
  const credentials = upstreams.map(({ headers }) => new Set(Object.keys(headers).map(plain)));
  const whyNot = (name: string): string | undefined => {
    if (keys.has(name)) return `in which the contract ${contract.name} has the key`;
    if (credentials.length > 0 && credentials.every((names) => names.has(name)))
      return "which the upstream's own headers replace";
    // The upstream gets these under another name, and in the body's framing.
    if (name === "host" || name === "content-length") return undefined;
    const isKept = !NEVER_FORWARDED.has(name) && !isOurHeader(name) && name !== "accept-encoding";
    return isKept ? undefined : "which is never forwarded";
  };
  for (const [index, price] of prices.entries()) {
    for (const name of requestReadsOf([price])?.headers ?? []) {
      const why = whyNot(plain(name));
      if (why === undefined) continue;
      const reason = `reads the header ${name}, ${why}`;
      problems.push({ path: at("prices", index), reason, fix: "read another field" });
    }
  }
}

/** To many upstreams `x_tier` is `x-tier`. */
function plain(header: string): string {
  return header.toLowerCase().replaceAll("_", "-");
}
