import type { RefusalCode } from "../../domain/refusal.ts";
import type { KeySource } from "./key-schema.ts";

type Header = readonly [string, string];

/**
 * The challenges of a 401 (RFC 9110 section 11.6.1): one for each place in which the contract reads keys, in one field. No
 * registered scheme says that a key stands in a header of its own or in the query; `ApiKey` is what others call it. RFC 6750
 * section 3.1: no error code when no key came. Basic makes browsers ask for a password, so it is named only where nothing else is.
 */
export function challengesOf(sources: readonly KeySource[], code: RefusalCode): readonly Header[] {
  const challenges = sources.flatMap((source) => schemesOf(source));
  const others = challenges.filter(([scheme]) => scheme !== "Basic");
  const error = code === "key_invalid" ? ', error="invalid_token"' : "";
  const texts = (others.length > 0 ? others : challenges).map(([scheme, more]) => {
    const fault = scheme.toLowerCase() === "bearer" ? error : "";
    return `${scheme} realm="api"${more}${fault}`;
  });
  return [["WWW-Authenticate", texts.join(", ")]];
}

/** Schemes, and what their challenge says beside the realm. */
function schemesOf(source: KeySource): (readonly [string, string])[] {
  if ("query" in source) return [["ApiKey", `, in="query", name="${source.query}"`]];
  if ("basic" in source) return [["Basic", ', charset="UTF-8"']];
  if (source.schemes !== undefined) return source.schemes.map((scheme) => [scheme, ""]);
  return [["ApiKey", `, in="header", name="${source.header}"`]];
}
