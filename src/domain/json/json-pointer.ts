import { isJsonObject } from "./json-value.ts";

/**
 * A JSON pointer's reference tokens (RFC 6901 section 3 and 4), or `undefined` when the text is not one: it is neither
 * empty nor begins with `/`, or has a `~` that is not `~0` or `~1`. The empty pointer is the whole document.
 */
export function parseJsonPointer(text: string): readonly string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  const tokens = text.slice(1).split("/");
  // `~1` first, so that `~01` becomes `~1` and not `/` (RFC 6901 section 4).
  return text.includes("~")
    ? tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    : tokens;
}

/**
 * The value that the pointer names, or `undefined`. Only members of the document itself count: `/constructor` names
 * nothing in `{}`. In arrays only decimal indexes without leading zeros count; `-` names no element.
 */
export function readJsonPointer(document: unknown, pointer: string): unknown {
  const tokens = parseJsonPointer(pointer);
  return tokens === undefined ? undefined : readTokens(document, tokens);
}

/** The same for a pointer that was parsed once: what is read of a million records. */
export function readTokens(document: unknown, tokens: readonly string[]): unknown {
  let value = document;
  for (const token of tokens) {
    if (Array.isArray(value)) {
      if (!ARRAY_INDEX.test(token)) return undefined;
      value = value[Number(token)];
    } else if (isJsonObject(value) && Object.hasOwn(value, token)) {
      value = value[token];
    } else {
      return undefined;
    }
  }
  return value;
}

const ARRAY_INDEX = /^(?:0|[1-9]\d*)$/;
