import { WantedNames } from "../../domain/look-alike.ts";

/** PHP takes no more of a query or a form, others a few more: what comes after it is read by some. */
const MAX_PARAMETERS = 1_000;
/** No field is called so; it bounds what telling names apart can take. */
const MAX_NAME_LENGTH = 500;
/** Nothing in it means anything but itself. */
const PLAIN = /^[\w.~*-]*$/;

/** What reading parameters can end in. */
export type ReadParameters =
  | { readonly kind: "read"; readonly values: ReadonlyMap<string, string> }
  /** Readers differ on it: why. */
  | { readonly kind: "ambiguous"; readonly reason: string };

/**
 * Reads the wanted parameters of a query or a form (`application/x-www-form-urlencoded`, WHATWG URL). What other readers would read
 * otherwise is refused: a name given twice, one that differs in what some ignore (`Size`, `size[]`, `page.size`), an encoding that
 * is broken or not UTF-8, and `;`, which some take for `&`.
 */
export function readParameters(text: string, wanted: readonly string[]): ReadParameters {
  const names = new WantedNames(wanted);
  const values = new Map<string, string>();
  let count = 0;
  for (let at = 0; at <= text.length; ) {
    const end = text.indexOf("&", at);
    const piece = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length + 1 : end + 1;
    count++;
    if (count > MAX_PARAMETERS) return ambiguous(`there are more than ${MAX_PARAMETERS} parameters`);
    if (piece === "") continue;
    const problem = readPiece(piece, names, values);
    if (problem !== undefined) return ambiguous(problem);
  }
  return { kind: "read", values };
}

/** Undefined: the piece is read, or is about nothing that is wanted. */
function readPiece(piece: string, names: WantedNames, values: Map<string, string>): string | undefined {
  const [first = "", ...more] = piece.split(";");
  for (const hidden of more.slice(0, MAX_PARAMETERS)) {
    const like = names.like(decodeLeniently(nameOf(hidden).slice(0, MAX_NAME_LENGTH)));
    if (like !== undefined) return `${describe(like)} stands after a semicolon`;
  }
  const raw = nameOf(first);
  if (raw.length > MAX_NAME_LENGTH) return `a name has more than ${MAX_NAME_LENGTH} characters`;
  const name = decode(raw);
  if (name === undefined || !names.has(name)) {
    const like = names.like(decodeLeniently(raw));
    return like === undefined ? undefined : `${describe(like)} is written in a way that readers differ on`;
  }
  if (values.has(name)) return `${describe(name)} is given more than once`;
  const equals = piece.indexOf("=");
  const value = equals === -1 ? "" : decode(piece.slice(equals + 1));
  if (value === undefined || more.length > 0)
    return `${describe(name)} has a value that readers decode differently`;
  values.set(name, value);
  return undefined;
}

function nameOf(piece: string): string {
  const equals = piece.indexOf("=");
  return equals === -1 ? piece : piece.slice(0, equals);
}

/** Undefined: it is broken or not UTF-8. */
function decode(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

/** What the most forgiving reader may make of a name: what is broken is dropped, `%u0041` is a letter to some. */
function decodeLeniently(raw: string): string {
  if (PLAIN.test(raw)) return raw;
  const bytes = raw.replaceAll("+", " ").replace(/%([\da-f]{2})/gi, (_, code: string) => fromCode(code));
  return Buffer.from(bytes, "latin1")
    .toString("utf8")
    .replace(/%u([\da-f]{4})/gi, (_, code: string) => fromCode(code))
    .replaceAll("%", "");
}

function fromCode(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function describe(name: string): string {
  return JSON.stringify(name);
}

function ambiguous(reason: string): ReadParameters {
  return { kind: "ambiguous", reason };
}
