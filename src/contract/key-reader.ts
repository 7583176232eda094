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
    const keys = new Set<string>();
    let unreadable = false;
    for (const source of compiled) {
      const texts = headerTexts(rawHeaders, source.header);
      if (texts.length > 1) return { key: undefined, ambiguous: true };
      const text = texts[0]?.trim();
      if (text === undefined || text === "") continue;
      const key = source.schemes === undefined ? text : readAfterScheme(text, source.schemes);
      if (key === "") unreadable = true;
      else keys.add(key);
    }
    if (keys.size > 1) return { key: undefined, ambiguous: true };
    const [key] = keys;
    return { key: key ?? (unreadable ? "" : undefined), ambiguous: false };
  };
}

/** Names are compared by length first: a request has dozens of headers and most differ there. */
function headerTexts(rawHeaders: readonly string[], name: string): string[] {
  const texts: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] ?? "";
    if (candidate.length === name.length && candidate.toLowerCase() === name)
      texts.push(rawHeaders[index + 1] ?? "");
  }
  return texts;
}

/** `Bearer KEY` (RFC 9110 section 11.4: the scheme in any letter case, then spaces). Empty when the scheme is another one. */
function readAfterScheme(text: string, schemes: readonly string[]): string {
  const space = text.indexOf(" ");
  if (space === -1 || !schemes.includes(text.slice(0, space).toLowerCase())) return "";
  return text.slice(space + 1).trim();
}
