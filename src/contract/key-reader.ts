import type { Contract } from "./contract.ts";
import type { KeySource } from "./contract-schema.ts";

/**
 * Reads the key from a request's raw headers. Every source is read, not only the first that holds a key: a proxy and an API that
 * each pick another one of two credentials is how requests are smuggled under a foreign account.
 */
export function createKeyReader(sources: readonly KeySource[]): Contract["readKey"] {
  const compiled = sources.map(({ header, schemes }) => ({
    header: header.toLowerCase(),
    schemes: schemes?.map((scheme) => scheme.toLowerCase()),
  }));
  return (rawHeaders) => {
    let found: string | undefined;
    let unreadable = false;
    for (const source of compiled) {
      const at = findHeader(rawHeaders, source.header, 0);
      if (at === -1) continue;
      if (findHeader(rawHeaders, source.header, at + 2) !== -1) return AMBIGUOUS;
      const text = rawHeaders[at + 1]?.trim() ?? "";
      if (text === "") continue;
      const key = source.schemes === undefined ? text : readAfterScheme(text, source.schemes);
      if (key === "") unreadable = true;
      else if (found !== undefined && found !== key) return AMBIGUOUS;
      else found = key;
    }
    return { key: found ?? (unreadable ? "" : undefined), ambiguous: false };
  };
}

const AMBIGUOUS = { key: undefined, ambiguous: true } as const;

/** Where the name stands, or -1. Names are compared by length first: a request has dozens of headers and most differ there. */
function findHeader(rawHeaders: readonly string[], name: string, from: number): number {
  for (let index = from; index + 1 < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] ?? "";
    if (candidate.length === name.length && candidate.toLowerCase() === name) return index;
  }
  return -1;
}

/** `Bearer KEY` (RFC 9110 section 11.4: the scheme in any letter case, then spaces). Empty when the scheme is another one. */
function readAfterScheme(text: string, schemes: readonly string[]): string {
  const space = text.indexOf(" ");
  if (space === -1 || !schemes.includes(text.slice(0, space).toLowerCase())) return "";
  return text.slice(space + 1).trim();
}
