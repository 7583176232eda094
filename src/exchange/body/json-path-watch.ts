import type { JsonWatch, ValueKind } from "./json-watch.ts";

/** The tokens of a JSON pointer as `parseJsonPointer` reads them: `/data/0` is `["data", "0"]`; the whole body is `[]`. */
export type JsonPath = readonly string[];

/** A member name is captured to this length; a longer one cannot be one that is watched. */
const MAX_KEY_BYTES = 1024;
/** A count has no more digits; a longer number is no count. */
const MAX_NUMBER_BYTES = 32;

/** A part of the body, by the offsets of its first byte and of the one behind it. */
export type Range = readonly [from: number, to: number];

/**
 * What a scan looks for: the number of results at one path (the length of an array, or a number), and where a member
 * can be put into a top-level object. When a name occurs twice the last one counts, as in every common parser.
 */
export class PathWatch implements JsonWatch {
  /** The result of the path: undefined when nothing or something else is there. Grows while an array is scanned. */
  count: number | undefined;
  topLevel: ValueKind | undefined;
  /** Where the last member of the top-level object ends, or its brace when it is empty. */
  insertAt = 0;
  isEmpty = true;
  /** Where the value of the watched top-level member begins and ends (of several the last), and how often one occurs. */
  memberStart = 0;
  memberEnd = 0;
  memberTimes = 0;
  /** Top-level members of other names. */
  otherMembers = 0;
  /**
   * What must go so that the watched member is gone: each occurrence with the comma before it, or the comma behind what was first.
   */
  readonly cuts: Range[] = [];
  /**
   * From here on it is not known what may be sent: it may be the watched member, or the end of the object. Infinity: all that was
   * scanned may be sent.
   */
  heldFrom = Number.POSITIVE_INFINITY;
  /** The scanner hands over the bytes of the present string: it is a member name that matters. */
  capturing = false;

  readonly #path: JsonPath | undefined;
  readonly #members: ReadonlySet<string>;
  /** How many tokens of the path the open containers and the present key have matched. */
  #matched = 0;
  #elementIndex = new Map<number, number>();
  #countedDepth = -1;
  #number: string | undefined;
  #key: number[] = [];
  #memberIsNext = false;
  #commaAt = 0;

  constructor(path: JsonPath | undefined, members: readonly string[]) {
    this.#path = path;
    this.#members = new Set(members);
  }

  startKey(depth: number): void {
    this.#unmatch(depth);
    const wanted = this.#path !== undefined && this.#matched === depth - 1 && this.#path.length >= depth;
    this.capturing = wanted || (depth === 1 && this.#members.size > 0);
    this.#key = [];
  }

  capture(bytes: Uint8Array): void {
    for (const byte of bytes) this.captureByte(byte);
  }

  captureByte(byte: number): void {
    if (this.#key.length <= MAX_KEY_BYTES) this.#key.push(byte);
  }

  endKey(depth: number): void {
    if (!this.capturing) return;
    this.capturing = false;
    const key = decodeKey(this.#key);
    if (this.#path !== undefined && this.#matched === depth - 1 && this.#path[depth - 1] === key) {
      this.#matched = depth;
      // A repeated name replaces all that an earlier one held.
      this.count = undefined;
    }
    if (depth === 1) this.#endTopKey(key);
  }

  /** The watched member's value is being scanned, and none of it may be sent. */
  get isCutting(): boolean {
    return this.#memberIsNext;
  }

  /** A comma between members of the top-level object. */
  separator(at: number): void {
    this.#commaAt = at;
  }

  #endTopKey(key: string | undefined): void {
    this.#memberIsNext = key !== undefined && this.#members.has(key);
    if (this.#memberIsNext) return;
    if (this.otherMembers === 0 && this.cuts.length > 0) this.cuts.push([this.#commaAt, this.#commaAt + 1]);
    this.otherMembers++;
    this.heldFrom = Number.POSITIVE_INFINITY;
  }

  open(depth: number, isArray: boolean, at: number): void {
    if (depth === 1) this.insertAt = at + 1;
    if (depth === 1 && !isArray) this.#hold(at + 1);
    if (isArray) this.#element(depth, 0);
  }

  nextElement(depth: number): void {
    if (this.#path === undefined || this.#path.length < depth) return;
    this.#element(depth, (this.#elementIndex.get(depth) ?? 0) + 1);
  }

  close(depth: number): void {
    this.#unmatch(depth);
    this.#elementIndex.delete(depth);
    if (this.#countedDepth === depth) this.#countedDepth = -1;
  }

  /** A value begins inside `depth` open containers. */
  startValue(depth: number, at: number, kind: ValueKind): void {
    if (depth === 0) this.topLevel = kind;
    if (depth === 1) this.#startTopMember(at);
    if (depth === this.#countedDepth) this.count = (this.count ?? 0) + 1;
    if (this.#path !== undefined && this.#matched === depth && this.#path.length === depth)
      this.#found(depth, kind);
  }

  numberByte(byte: number): void {
    if (this.#number === undefined) return;
    if (this.#number.length <= MAX_NUMBER_BYTES) this.#number += String.fromCharCode(byte);
  }

  endValue(depth: number, end: number): void {
    if (depth === 1) this.#endTopMember(end);
    // The closing brace: what is put in goes before it.
    else if (depth === 0 && this.topLevel === "object") this.#hold(end - 1);
    if (this.#number !== undefined) {
      this.count = parseCount(this.#number);
      this.#number = undefined;
    }
    this.#unmatch(depth);
  }

  #endTopMember(end: number): void {
    if (this.#memberIsNext) {
      this.memberEnd = end;
      this.cuts.push([this.insertAt, end]);
    }
    this.insertAt = end;
    this.#memberIsNext = false;
    this.#hold(end);
  }

  #hold(from: number): void {
    if (this.#members.size > 0 && this.topLevel === "object") this.heldFrom = from;
  }

  #startTopMember(at: number): void {
    this.isEmpty = false;
    if (!this.#memberIsNext) return;
    this.memberStart = at;
    this.memberTimes++;
  }

  #found(depth: number, kind: ValueKind): void {
    this.count = undefined;
    if (kind === "array") {
      this.count = 0;
      this.#countedDepth = depth + 1;
    } else if (kind === "number") {
      this.#number = "";
    }
  }

  #element(depth: number, index: number): void {
    this.#unmatch(depth);
    if (this.#path === undefined || this.#matched !== depth - 1 || this.#path.length < depth) return;
    this.#elementIndex.set(depth, index);
    if (this.#path[depth - 1] === String(index)) this.#matched = depth;
  }

  /** What was matched at this depth or deeper is behind us. */
  #unmatch(depth: number): void {
    if (depth > 0 && this.#matched >= depth) this.#matched = depth - 1;
  }
}

/** A number of results: a whole number from 0. `1e2` is one; `2.5`, `-1` and what JSON cannot hold exactly are not. */
function parseCount(text: string): number | undefined {
  if (text.length > MAX_NUMBER_BYTES) return undefined;
  const count = Number(text);
  return text !== "" && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

function decodeKey(bytes: number[]): string | undefined {
  if (bytes.length > MAX_KEY_BYTES) return undefined;
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.includes("\\")) return text;
  const decoded: unknown = JSON.parse(`"${text}"`);
  return typeof decoded === "string" ? decoded : undefined;
}
