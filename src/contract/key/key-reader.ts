import type { FoundKey } from "./found-key.ts";
import { AMBIGUOUS, NO_KEY } from "./found-key.ts";
import type { HeaderSource } from "./key-schema.ts";

/**
 * Reads the key from a request's raw headers, beside what was found in its query. Every source is read, not only the first that holds
 * a key: a proxy and an API that each pick another one of two credentials is how requests are smuggled under a foreign account.
 */
export function createKeyReader(
  sources: readonly HeaderSource[],
): (rawHeaders: readonly string[], inQuery?: FoundKey) => FoundKey {
  const compiled = sources.map((source) => ({
    header: source.header.toLowerCase(),
    read: readerOf(source),
  }));
  return (rawHeaders, inQuery = NO_KEY) => {
    if (inQuery.ambiguous) return AMBIGUOUS;
    let found = inQuery.key;
    let unreadable = false;
    for (const source of compiled) {
      const at = findHeader(rawHeaders, source.header, 0);
      if (at === -1) continue;
      if (findHeader(rawHeaders, source.header, at + 2) !== -1) return AMBIGUOUS;
      const text = rawHeaders[at + 1]?.trim() ?? "";
      if (text === "") continue;
      const key = source.read(text);
      if (key === "") unreadable = true;
      else if (found !== undefined && found !== key) return AMBIGUOUS;
      else found = key;
    }
    return { key: found ?? (unreadable ? "" : undefined), ambiguous: false };
  };
}

/** Where the name stands, or -1. Names are compared by length first: a request has dozens of headers and most differ there. */
function findHeader(rawHeaders: readonly string[], name: string, from: number): number {
  for (let index = from; index + 1 < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] ?? "";
    if (candidate.length === name.length && candidate.toLowerCase() === name) return index;
  }
  return -1;
}

/** Reads the key from the header's text; empty when it is in another form. */
function readerOf(source: HeaderSource): (text: string) => string {
  if ("basic" in source) {
    const { basic } = source;
    return (text) => readBasic(text, basic);
  }
  const schemes = source.schemes?.map((scheme) => scheme.toLowerCase());
  return schemes === undefined ? (text) => text : (text) => readAfterScheme(text, schemes);
}

/** `Bearer KEY` (RFC 9110 section 11.4: the scheme in any letter case, then spaces). Empty when the scheme is another one. */
function readAfterScheme(text: string, schemes: readonly string[]): string {
  const space = text.indexOf(" ");
  if (space === -1 || !schemes.includes(text.slice(0, space).toLowerCase())) return "";
  return text.slice(space + 1).trim();
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Longer credentials hold no key; what is decoded stays small. */
const MAX_BASIC_LENGTH = 2_000;

/** `Basic` and the Base64 of `user:password` (RFC 7617 section 2): the first colon divides the two. */
function readBasic(text: string, part: "user" | "password"): string {
  const credentials = readAfterScheme(text, ["basic"]);
  if (credentials.length > MAX_BASIC_LENGTH || !BASE64.test(credentials)) return "";
  const pair = Buffer.from(credentials, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon === -1) return "";
  return part === "user" ? pair.slice(0, colon) : pair.slice(colon + 1);
}
