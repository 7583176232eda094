import { parseJsonPointer } from "../../domain/json/json-pointer.ts";

/**
 * The elements of an array in a JSON text, each as its text: what is parsed and written again has other numbers. The text is valid
 * JSON, which the caller has parsed. Undefined: the pointer names no array. Of a member that is there twice the last one counts,
 * as for JSON.parse.
 */
export function sliceJsonArray(text: string, pointer: string): string[] | undefined {
  let at = skipSpace(text, 0);
  for (const token of parseJsonPointer(pointer) ?? [""]) {
    const next = text[at] === "{" ? findMember(text, at, token) : findElement(text, at, token);
    if (next === undefined) return undefined;
    at = next;
  }
  return text[at] === "["
    ? [...eachElement(text, at)].map(({ from, to }) => text.slice(from, to))
    : undefined;
}

/** The part of a JSON text that a pointer names. The text is valid JSON. */
export function sliceJson(text: string, pointer: string): string | undefined {
  let at = skipSpace(text, 0);
  for (const token of parseJsonPointer(pointer) ?? [""]) {
    const next = text[at] === "{" ? findMember(text, at, token) : findElement(text, at, token);
    if (next === undefined) return undefined;
    at = next;
  }
  return text.slice(at, endOfValue(text, at));
}

/** On one line. A line break in valid JSON is white space, and so is what follows it: none is within a string. */
export function onOneLine(text: string): string {
  return text.includes("\n") || text.includes("\r") ? text.replaceAll(/[\r\n]\s*/g, "") : text;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function* eachElement(text: string, array: number): Generator<Span> {
  let at = skipSpace(text, array + 1);
  while (at < text.length && text[at] !== "]") {
    const to = endOfValue(text, at);
    yield { from: at, to };
    at = skipSpace(text, to);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
}

function findElement(text: string, array: number, token: string): number | undefined {
  if (text[array] !== "[" || !/^(0|[1-9]\d*)$/.test(token)) return undefined;
  let left = Number(token);
  for (const { from } of eachElement(text, array)) {
    if (left === 0) return from;
    left -= 1;
  }
  return undefined;
}

function findMember(text: string, object: number, name: string): number | undefined {
  let found: number | undefined;
  let at = skipSpace(text, object + 1);
  while (at < text.length && text[at] !== "}") {
    const nameEnd = endOfValue(text, at);
    const isIt = JSON.parse(text.slice(at, nameEnd)) === name;
    const from = skipSpace(text, skipSpace(text, nameEnd) + 1);
    if (isIt) found = from;
    at = skipSpace(text, endOfValue(text, from));
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return found;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** Without recursion: a hostile answer may be nested as deep as it is long. */
function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== "{" && first !== "[") return nextOf(text, /[\s,\]}:]/g, from);
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const mark = text[at];
    if (mark === '"') {
      at = nextOf(text, /["{}[\]]/g, endOfString(text, at));
      continue;
    }
    depth += mark === "{" || mark === "[" ? 1 : -1;
    if (depth === 0) return at + 1;
    at = nextOf(text, /["{}[\]]/g, at + 1);
  }
  return text.length;
}

function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

function nextOf(text: string, marks: RegExp, from: number): number {
  marks.lastIndex = from;
  return marks.exec(text)?.index ?? text.length;
}
