import { type FieldValue, OTHER_VALUE } from "../../domain/prices/field-value.ts";
import type { JsonWatch, ValueKind } from "./json-watch.ts";

/** A name or a text is kept to this length: a longer one is none that a price can name. */
const MAX_TEXT_BYTES = 1_024;

/** Whether an item of a list counts, by its values at some pointers that begin at the item. */
export type ItemTest = (read: (pointer: string) => FieldValue | undefined) => boolean;

/** A place in the body that is looked for, or leads to one. */
interface Place {
  readonly children: Map<string, Place>;
  isWanted: boolean;
  value: FieldValue | undefined;
  /** Items or members of the open container that is the value. */
  inside: number;
  /** The lists whose items are looked at, each for another question. */
  readonly lists: List[];
  /** The place is an item of this list. */
  itemOf: List | undefined;
}

interface List {
  readonly test: ItemTest;
  readonly item: Place;
  readonly places: ReadonlyMap<string, Place>;
  /** Undefined: there is no list. */
  count: number | undefined;
}

/**
 * Reads values at several places of a body that passes by, and counts the items of lists that fit. It keeps nothing else, whatever
 * the body's size. When a name occurs twice the last one counts, as in every common parser.
 */
export class AnswerWatch implements JsonWatch {
  capturing = false;
  readonly #root = newPlace();
  readonly #wanted = new Map<string, Place>();
  readonly #lists: List[] = [];
  /** What the next value at a depth is: the places whose path has led there. */
  readonly #next: (readonly Place[] | undefined)[] = [];
  readonly #index: number[] = [];
  readonly #bytes = new Uint8Array(MAX_TEXT_BYTES);
  #length = 0;
  /** What the value is that is being read, if it holds no others; a literal's text. */
  #scalar: "string" | "number" | "literal" | undefined;
  #literal = "";

  constructor() {
    this.#next[0] = [this.#root];
  }

  /** Asks for the value at a path. */
  want(pointer: string, path: readonly string[]): void {
    const place = placeAt(this.#root, path);
    place.isWanted = true;
    this.#wanted.set(pointer, place);
  }

  /** Asks how many items of the list at a path fit; the answer is {@link counted} by the number that is given back. */
  wantItems(
    path: readonly string[],
    test: ItemTest,
    pointers: ReadonlyMap<string, readonly string[]>,
  ): number {
    const places = new Map<string, Place>();
    const item = newPlace();
    const list: List = { test, places, item, count: undefined };
    item.itemOf = list;
    for (const [pointer, itemPath] of pointers) {
      const place = placeAt(item, itemPath);
      place.isWanted = true;
      places.set(pointer, place);
    }
    placeAt(this.#root, path).lists.push(list);
    return this.#lists.push(list) - 1;
  }

  read(pointer: string): FieldValue | undefined {
    return this.#wanted.get(pointer)?.value;
  }

  counted(list: number): number | undefined {
    return this.#lists[list]?.count;
  }

  startKey(depth: number): void {
    this.#next[depth] = undefined;
    this.#length = 0;
    this.capturing = this.#next[depth - 1]?.some(({ children }) => children.size > 0) === true;
  }

  capture(bytes: Uint8Array): void {
    if (this.#length + bytes.length <= MAX_TEXT_BYTES) this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  captureByte(byte: number): void {
    if (this.#length < MAX_TEXT_BYTES) this.#bytes[this.#length] = byte;
    this.#length++;
  }

  endKey(depth: number): void {
    if (!this.capturing) return;
    this.capturing = false;
    const key = this.#text();
    if (key === undefined) return;
    const found: Place[] = [];
    for (const { children } of this.#next[depth - 1] ?? []) {
      const child = children.get(key);
      if (child === undefined) continue;
      forget(child);
      found.push(child);
    }
    if (found.length > 0) this.#next[depth] = found;
  }

  open(depth: number, isArray: boolean): void {
    this.#next[depth] = undefined;
    this.#index[depth] = 0;
    if (isArray) this.#startItem(depth);
  }

  nextElement(depth: number): void {
    this.#index[depth] = (this.#index[depth] ?? 0) + 1;
    this.#startItem(depth);
  }

  separator(): void {
    // Only where something is put into the text does it matter.
  }

  close(depth: number): void {
    this.#next[depth] = undefined;
  }

  startValue(depth: number, _at: number, kind: ValueKind, literal?: string): void {
    if (depth > 0) for (const place of this.#next[depth - 1] ?? []) place.inside++;
    const places = this.#next[depth];
    if (places === undefined) return;
    this.#scalar = kind === "object" || kind === "array" ? undefined : kind;
    this.#literal = literal ?? "";
    for (const place of places) {
      place.inside = 0;
      place.value = kind === "array" ? { kind: "list" } : OTHER_VALUE;
      for (const list of place.lists) list.count = kind === "array" ? 0 : undefined;
    }
    this.#length = 0;
    this.capturing = kind === "string" && places.some(({ isWanted }) => isWanted);
  }

  numberByte(byte: number): void {
    this.captureByte(byte);
  }

  endValue(depth: number): void {
    this.capturing = false;
    const places = this.#next[depth];
    if (places === undefined) return;
    const scalar = this.#scalar === undefined ? undefined : this.#scalarValue(this.#scalar);
    this.#scalar = undefined;
    for (const place of places) {
      if (place.isWanted) place.value = scalar ?? containerValue(place);
      if (place.itemOf !== undefined) judgeItem(place.itemOf);
    }
    this.#next[depth] = undefined;
  }

  #scalarValue(kind: "string" | "number" | "literal"): FieldValue {
    if (kind === "literal") {
      const value = this.#literal === "null" ? null : this.#literal === "true";
      return { kind: "scalar", value };
    }
    const text = this.#text();
    if (text === undefined) return OTHER_VALUE;
    return { kind: "scalar", value: kind === "number" ? Number(text) : text };
  }

  #startItem(depth: number): void {
    const found: Place[] = [];
    const index = this.#index[depth] ?? 0;
    for (const { children, lists } of this.#next[depth - 1] ?? []) {
      const child = children.size === 0 ? undefined : children.get(String(index));
      if (child !== undefined) found.push(child);
      for (const { item } of lists) {
        forget(item);
        found.push(item);
      }
    }
    this.#next[depth] = found.length === 0 ? undefined : found;
  }

  /** The inside of a JSON string; undefined: it is too long. */
  #text(): string | undefined {
    if (this.#length > MAX_TEXT_BYTES) return undefined;
    const text = Buffer.from(this.#bytes.buffer, 0, this.#length).toString("utf8");
    return text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text;
  }
}

function newPlace(): Place {
  return { children: new Map(), isWanted: false, value: undefined, inside: 0, lists: [], itemOf: undefined };
}

function placeAt(from: Place, path: readonly string[]): Place {
  let place = from;
  for (const token of path) {
    const child = place.children.get(token) ?? newPlace();
    place.children.set(token, child);
    place = child;
  }
  return place;
}

/** What was read there, and below it, is of an earlier item, or of a member that comes again. */
function forget(place: Place): void {
  place.value = undefined;
  for (const list of place.lists) list.count = undefined;
  for (const child of place.children.values()) forget(child);
}

function containerValue({ value, inside }: Place): FieldValue {
  if (value?.kind === "list") return { kind: "list", length: inside };
  return inside === 0 ? { kind: "other", canonical: "{}" } : OTHER_VALUE;
}

function judgeItem(list: List): void {
  if (list.count === undefined) return;
  if (list.test((pointer) => list.places.get(pointer)?.value)) list.count++;
}
