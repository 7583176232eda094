import type { JsonWatch, ValueKind } from "./json-watch.ts";

/** Lets two watches see one scan. */
export class BothWatches implements JsonWatch {
  readonly #one: JsonWatch;
  readonly #other: JsonWatch;

  constructor(one: JsonWatch, other: JsonWatch) {
    this.#one = one;
    this.#other = other;
  }

  get capturing(): boolean {
    return this.#one.capturing || this.#other.capturing;
  }

  startKey(depth: number): void {
    this.#one.startKey(depth);
    this.#other.startKey(depth);
  }

  capture(bytes: Uint8Array): void {
    if (this.#one.capturing) this.#one.capture(bytes);
    if (this.#other.capturing) this.#other.capture(bytes);
  }

  captureByte(byte: number): void {
    if (this.#one.capturing) this.#one.captureByte(byte);
    if (this.#other.capturing) this.#other.captureByte(byte);
  }

  endKey(depth: number): void {
    this.#one.endKey(depth);
    this.#other.endKey(depth);
  }

  open(depth: number, isArray: boolean, at: number): void {
    this.#one.open(depth, isArray, at);
    this.#other.open(depth, isArray, at);
  }

  nextElement(depth: number): void {
    this.#one.nextElement(depth);
    this.#other.nextElement(depth);
  }

  separator(at: number): void {
    this.#one.separator(at);
    this.#other.separator(at);
  }

  close(depth: number): void {
    this.#one.close(depth);
    this.#other.close(depth);
  }

  startValue(depth: number, at: number, kind: ValueKind, literal?: string): void {
    this.#one.startValue(depth, at, kind, literal);
    this.#other.startValue(depth, at, kind, literal);
  }

  numberByte(byte: number): void {
    this.#one.numberByte(byte);
    this.#other.numberByte(byte);
  }

  endValue(depth: number, end: number): void {
    this.#one.endValue(depth, end);
    this.#other.endValue(depth, end);
  }
}
