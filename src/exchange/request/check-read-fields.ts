import { countsAnswer } from "../../domain/prices/price-shape.ts";
import type { RequestReads } from "../../domain/prices/request-reads.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Route } from "../../meter/meter.ts";
import { readParameters } from "../body/parameters.ts";
import { type ForwardRules, isForwarded } from "../headers/forward-headers.ts";
import { headerName } from "../headers/header-name.ts";
import type { Exchange } from "../parts/exchange.ts";

/** They are forwarded as they came, or not at all: it depends on what the answer is needed for. */
const CONDITIONAL: ReadonlySet<string> = new Set(["range", "if-range"]);

/**
 * Whether what prices read of the path, the query and the headers is what the upstream gets, and only one thing: a field is
 * forwarded exactly as it was read, or the request is refused.
 */
export function checkReadFields(
  exchange: Exchange,
  route: Route,
  target: RequestTarget,
  isWhole: boolean,
): Refusal | undefined {
  const { reads } = route;
  const unlike = checkReadTarget(target, reads);
  if (unlike !== undefined || reads === undefined || reads.headers.length === 0) return unlike;
  return checkHeaders(exchange, route, target, reads, isWhole);
}

/** The same of the path and the query alone. */
export function checkReadTarget(target: RequestTarget, reads: RequestReads | undefined): Refusal | undefined {
  // In another form of Unicode it would be another value to us, and the same to an upstream that normalises.
  if (target.path.includes("%") && !isComposed(target.path))
    return invalid("path is not in Unicode's composed form (NFC)");
  if (reads === undefined || reads.query.length === 0 || target.query === "") return undefined;
  const read = readParameters(target.query.slice(1), reads.query);
  return read.kind === "ambiguous" ? invalid(`of the query, ${read.reason}`) : undefined;
}

function checkHeaders(
  { request, head, parts }: Exchange,
  route: Route,
  { path }: RequestTarget,
  { headers }: RequestReads,
  isWhole: boolean,
): Refusal | undefined {
  const rules = parts.upstreams.choose(head?.host, path)?.rules;
  const wanted = new Map(headers.map((name) => [headerName(name).plain, name]));
  const seen = new Set<string>();
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { lower, plain } = headerName(rawHeaders[i] ?? "");
    const name = wanted.get(plain);
    if (name === undefined) continue;
    if (lower !== name) return invalid(`header ${lower} may be taken for ${name}, which the price reads`);
    if (seen.has(name)) return invalid(`header ${name}, which the price reads, appears more than once`);
    seen.add(name);
    const value = rawHeaders[i + 1] ?? "";
    // Node has taken blanks and tabs away; some readers take more.
    if (value !== value.trim())
      return invalid(`header ${name}, which the price reads, has another white space at an end`);
    const isKept =
      head?.connectionNames.includes(name) !== true && isForwardedAs(plain, rules, route, isWhole);
    if (!isKept) return invalid(`header ${name}, which the price reads, would not be forwarded`);
  }
  return undefined;
}

function isForwardedAs(
  plain: string,
  rules: ForwardRules | undefined,
  route: Route,
  isWhole: boolean,
): boolean {
  // The upstream gets them too: the client's host under another name, the length as the body's framing.
  if (plain === "host" || plain === "content-length") return true;
  // What is asked of the upstream depends on what is read of its answer.
  if (plain === "accept-encoding") return false;
  if (CONDITIONAL.has(plain) && (isWhole || route.candidates.some(countsAnswer))) return false;
  return rules === undefined || isForwarded(plain, rules);
}

function isComposed(path: string): boolean {
  const decoded = decodeURIComponent(path);
  return decoded === decoded.normalize("NFC");
}

function invalid(reason: string): Refusal {
  return { code: "request_invalid", reason };
}
