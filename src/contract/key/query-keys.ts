import { WantedNames } from "../../domain/look-alike.ts";
import { AMBIGUOUS, type FoundKey, NO_KEY } from "./found-key.ts";

/** The query without its keys, and the key that was in it. */
export interface TakenQuery {
  /** With its question mark, or `""`. What is left is byte for byte what came. */
  readonly query: string;
  readonly found: FoundKey;
}

/** A key's id, which the customer API takes as a filter (`key=key_…`). No text of a key looks like it. */
const KEY_ID = /^key_[0-9A-Za-z]{16}$/;

/**
 * Takes keys out of queries. A name is a key's in any letter case and encoding. One that other readers take for it (`key[]`, or
 * after a semicolon) makes the request ambiguous: it would be passed on with a key in it.
 */
export function createQueryReader(names: readonly string[]): (query: string) => TakenQuery {
  if (names.length === 0) return (query) => ({ query, found: NO_KEY });
  const wanted = new WantedNames(names);
  const exact = new Set(names.map((name) => name.toLowerCase()));
  return (query) => {
    if (query === "") return { query, found: NO_KEY };
    const rest: string[] = [];
    const texts: string[] = [];
    for (const piece of query.slice(1).split("&")) {
      const text = readPiece(piece, exact, wanted);
      if (text === "ambiguous") return { query: "", found: AMBIGUOUS };
      if (text === undefined) rest.push(piece);
      else texts.push(text.value);
    }
    // Most queries hold none: theirs stays as it is, with the pieces that are empty.
    if (texts.length === 0) return { query, found: NO_KEY };
    return { query: rest.length === 0 ? "" : `?${rest.join("&")}`, found: judge(texts) };
  };
}

/** A parameter that is given twice is ambiguous like a header that is, the same key or not. An empty one holds none. */
function judge(texts: readonly string[]): FoundKey {
  const [first = "", ...more] = texts;
  if (more.length > 0) return AMBIGUOUS;
  return first === "" ? NO_KEY : { key: first, ambiguous: false };
}

function readPiece(
  piece: string,
  exact: ReadonlySet<string>,
  wanted: WantedNames,
): { readonly value: string } | "ambiguous" | undefined {
  if (piece === "") return undefined;
  const equals = piece.indexOf("=");
  const name = decode(equals === -1 ? piece : piece.slice(0, equals));
  if (exact.has(name.toLowerCase())) {
    const raw = equals === -1 ? "" : piece.slice(equals + 1);
    // A plus sign stays one: keys have no spaces, and clients that put Base64 there forget to encode it.
    const value = decode(raw).trim();
    if (KEY_ID.test(value)) return undefined;
    return { value };
  }
  if (wanted.like(name) !== undefined) return "ambiguous";
  if (!piece.includes(";")) return undefined;
  const hidden = piece.split(";").slice(1);
  return hidden.some((part) => wanted.like(decode(part.split("=", 1)[0] ?? "")) !== undefined)
    ? "ambiguous"
    : undefined;
}

/** What is broken stays as it is: it is no key, and no name that is looked for. */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([\da-f]{2})/gi, (_, pair: string) =>
      String.fromCharCode(Number.parseInt(pair, 16)),
    );
  }
}
