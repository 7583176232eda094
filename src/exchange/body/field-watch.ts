import { parseJsonPointer } from "../../domain/json/json-pointer.ts";
import { foldName } from "../../domain/look-alike.ts";
import type { JsonWatch, ValueKind } from "./json-watch.ts";

/** A longer name cannot be one that is looked for. */
const MAX_KEY_BYTES = 1024;

/** A value that was looked for: what it is and where it stands. */
export interface FoundField {
  readonly kind: ValueKind;
  readonly start: number;
  end: number;
  /** Of an array. */
  elements: number;
}

/** A place in the body that a pointer leads to or through. */
interface Place {
  readonly pointer: string;
  /** A pointer ends here. */
  isWanted: boolean;
  readonly children: Map<string, Place>;
  /** The names of the children as lenient readers compare them. */
  readonly folded: Set<string>;
  times: number;
}

/**
 * Finds the values of several JSON pointers in one scan. A name on the way to one that occurs twice, or differs from it only in
 * what some readers ignore, is a fault: which of them the upstream takes is not known.
 */
export class FieldWatch implements JsonWatch {
  readonly found = new Map<string, FoundField>();
  /** The pointer whose meaning is not certain. */
  ambiguous: string | undefined;
  capturing = false;
  readonly #key = new Uint8Array(MAX_KEY_BYTES);
  #keyLength = 0;
  /** The places of the open containers and the present key, as far as they have matched; the first is the whole body. */
  readonly #places: Place[];
  #matched = 0;
  readonly #elementIndex: number[] = [];
  /** The arrays whose elements are counted, by the depth of the elements. */
  readonly #counted: (FoundField | undefined)[] = [];

  constructor(pointers: readonly string[]) {
    this.#places = [buildPlaces(pointers)];
  }

  startKey(depth: number): void {
    this.#unmatch(depth);
    this.capturing = this.#matched === depth - 1 && (this.#places[depth - 1]?.children.size ?? 0) > 0;
    this.#keyLength = 0;
  }

  capture(bytes: Uint8Array): void {
    if (this.#keyLength + bytes.length <= MAX_KEY_BYTES) this.#key.set(bytes, this.#keyLength);
    this.#keyLength += bytes.length;
  }

  captureByte(byte: number): void {
    if (this.#keyLength < MAX_KEY_BYTES) this.#key[this.#keyLength] = byte;
    this.#keyLength++;
  }

  endKey(depth: number): void {
    if (!this.capturing) return;
    this.capturing = false;
    const parent = this.#places[depth - 1];
    if (parent === undefined || this.#keyLength > MAX_KEY_BYTES) return;
    const key = decodeKey(this.#key.subarray(0, this.#keyLength));
    const child = parent.children.get(key);
    if (child !== undefined) {
      child.times++;
      if (child.times > 1) this.ambiguous ??= child.pointer;
      this.#places[depth] = child;
      this.#matched = depth;
    } else if (parent.folded.has(foldName(key))) {
      this.ambiguous ??= likeliest(parent, key).pointer;
    }
  }

  open(depth: number, isArray: boolean): void {
    if (isArray) this.#element(depth, 0);
  }

  nextElement(depth: number): void {
    const index = this.#elementIndex[depth];
    if (index !== undefined && index >= 0) this.#element(depth, index + 1);
  }

  separator(): void {
    // Only where something is put into the text does it matter.
  }

  close(depth: number): void {
    this.#unmatch(depth);
    if (depth < this.#elementIndex.length) this.#elementIndex[depth] = -1;
  }

  startValue(depth: number, at: number, kind: ValueKind): void {
    const array = this.#counted[depth];
    if (array !== undefined) array.elements++;
    if (this.#matched !== depth) return;
    const place = this.#places[depth];
    if (place?.isWanted !== true) return;
    const field = { kind, start: at, end: at, elements: 0 };
    this.found.set(place.pointer, field);
    if (kind === "array") this.#counted[depth + 1] = field;
  }

  numberByte(): void {
    // Read from the body when the scan is over.
  }

  endValue(depth: number, end: number): void {
    if (this.#matched === depth) {
      const place = this.#places[depth];
      const field = place?.isWanted === true ? this.found.get(place.pointer) : undefined;
      if (field !== undefined) field.end = end;
      if (field?.kind === "array") this.#counted[depth + 1] = undefined;
    }
    this.#unmatch(depth);
  }

  #element(depth: number, index: number): void {
    this.#unmatch(depth);
    if (this.#matched !== depth - 1) return;
    const parent = this.#places[depth - 1];
    if (parent === undefined || parent.children.size === 0) return;
    while (this.#elementIndex.length < depth) this.#elementIndex.push(-1);
    this.#elementIndex[depth] = index;
    const child = parent.children.get(String(index));
    if (child === undefined) return;
    this.#places[depth] = child;
    this.#matched = depth;
  }

  /** What was matched at this depth or deeper is behind us. */
  #unmatch(depth: number): void {
    if (depth > 0 && this.#matched >= depth) this.#matched = depth - 1;
  }
}

function buildPlaces(pointers: readonly string[]): Place {
  const root = newPlace("");
  for (const pointer of pointers) {
    let place = root;
    let path = "";
    for (const token of parseJsonPointer(pointer) ?? []) {
      path += `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      let child = place.children.get(token);
      if (child === undefined) {
        child = newPlace(path);
        place.children.set(token, child);
        place.folded.add(foldName(token));
      }
      place = child;
    }
    place.isWanted = true;
  }
  return root;
}

function newPlace(pointer: string): Place {
  return { pointer, isWanted: false, children: new Map(), folded: new Set(), times: 0 };
}

function likeliest(parent: Place, key: string): Place {
  const folded = foldName(key);
  for (const [token, child] of parent.children) if (foldName(token) === folded) return child;
  return parent;
}

/** The bytes are UTF-8 and the inside of a valid JSON string. */
function decodeKey(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text;
}
