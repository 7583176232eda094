import type { JsonWatch } from "./json-watch.ts";

/** Nesting beyond this is refused: bounds the memory of a scan to one byte a level. */
export const MAX_JSON_DEPTH = 512;

/** States of the scanner. A number in a number's or literal's state is kept in the fields beside it. */
const FAILED = 0;
const VALUE = 1;
const VALUE_OR_END = 2;
const KEY_OR_END = 3;
const KEY = 4;
const COLON = 5;
const AFTER_VALUE = 6;
const DONE = 7;
const STRING = 8;
const ESCAPE = 9;
const UNICODE = 10;
const MINUS = 11;
const ZERO = 12;
const INTEGER = 13;
const POINT = 14;
const FRACTION = 15;
const EXPONENT = 16;
const EXPONENT_SIGN = 17;
const EXPONENT_DIGITS = 18;
const LITERAL = 19;

const OBJECT = 1;
const ARRAY = 2;

/**
 * Validates JSON (RFC 8259) byte by byte, in chunks, in bounded memory, without building values, and tells a
 * {@link JsonWatch} what it passes. Bytes of strings are not checked to be UTF-8: nothing here depends on it.
 */
export class JsonScan {
  #state = VALUE;
  #depth = 0;
  readonly #kinds = new Uint8Array(MAX_JSON_DEPTH + 1);
  #stringIsKey = false;
  #hexLeft = 0;
  #literal = "";
  #literalAt = 0;
  #offset = 0;
  readonly #watch: JsonWatch;

  constructor(watch: JsonWatch) {
    this.#watch = watch;
  }

  /** What was written so far is not the beginning of any JSON text. */
  get failed(): boolean {
    return this.#state === FAILED;
  }

  /** It failed because of its nesting alone. */
  isTooDeep = false;

  /** Takes the next bytes. After something that is no JSON, further bytes are ignored. */
  write(bytes: Uint8Array): void {
    let i = this.#offset === 0 && hasByteOrderMark(bytes) ? 3 : 0;
    while (i < bytes.length && this.#state !== FAILED) {
      if (this.#state === STRING) {
        i = this.#string(bytes, i);
      } else {
        this.#step(bytes[i] ?? 0, this.#offset + i);
        i++;
      }
    }
    this.#offset += bytes.length;
  }

  /** The body has ended. True when exactly one complete JSON text was written. */
  end(): boolean {
    const state = this.#state;
    const endsNumber = this.#depth === 0 && isCompleteNumber(state);
    if (endsNumber) this.#completeValue(this.#offset);
    return this.#state === DONE;
  }

  /** The hot loop: plain characters of a string are skipped without a state change. */
  #string(bytes: Uint8Array, from: number): number {
    let i = from;
    const capturing = this.#watch.capturing;
    for (; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte === 0x22 || byte === 0x5c || byte < 0x20) break;
    }
    if (capturing) this.#watch.capture(bytes.subarray(from, i));
    if (i === bytes.length) return i;
    const byte = bytes[i] ?? 0;
    if (byte === 0x22) this.#endString(this.#offset + i + 1);
    else if (byte === 0x5c) this.#enterEscape(byte);
    else this.#state = FAILED;
    return i + 1;
  }

  #enterEscape(byte: number): void {
    if (this.#watch.capturing) this.#watch.captureByte(byte);
    this.#state = ESCAPE;
  }

  #endString(end: number): void {
    if (this.#stringIsKey) {
      this.#watch.endKey(this.#depth);
      this.#state = COLON;
    } else {
      this.#completeValue(end);
    }
  }

  #step(byte: number, at: number): void {
    const state = this.#state;
    if (state <= DONE) {
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
      this.#structure(byte, at, state);
    } else if (state <= UNICODE) {
      this.#escape(byte, state);
    } else if (state === LITERAL) {
      this.#literalByte(byte, at);
    } else {
      this.#number(byte, at, state);
    }
  }

  #structure(byte: number, at: number, state: number): void {
    switch (state) {
      case VALUE_OR_END:
        if (byte === 0x5d) this.#close(ARRAY, at);
        else this.#value(byte, at);
        break;
      case VALUE:
        this.#value(byte, at);
        break;
      case KEY_OR_END:
        if (byte === 0x7d) this.#close(OBJECT, at);
        else this.#key(byte);
        break;
      case KEY:
        this.#key(byte);
        break;
      case COLON:
        this.#state = byte === 0x3a ? VALUE : FAILED;
        break;
      case AFTER_VALUE:
        this.#afterValue(byte, at);
        break;
      default:
        this.#state = FAILED;
    }
  }

  #key(byte: number): void {
    if (byte !== 0x22) {
      this.#state = FAILED;
      return;
    }
    this.#stringIsKey = true;
    this.#watch.startKey(this.#depth);
    this.#state = STRING;
  }

  #afterValue(byte: number, at: number): void {
    const kind = this.#kinds[this.#depth];
    if (byte === 0x2c) {
      if (kind === ARRAY) this.#watch.nextElement(this.#depth);
      else if (this.#depth === 1) this.#watch.separator(at);
      this.#state = kind === OBJECT ? KEY : VALUE;
    } else if (byte === 0x7d) this.#close(OBJECT, at);
    else if (byte === 0x5d) this.#close(ARRAY, at);
    else this.#state = FAILED;
  }

  #value(byte: number, at: number): void {
    switch (byte) {
      case 0x22:
        this.#watch.startValue(this.#depth, at, "string");
        this.#stringIsKey = false;
        this.#state = STRING;
        break;
      case 0x7b:
        this.#open(OBJECT, at);
        break;
      case 0x5b:
        this.#open(ARRAY, at);
        break;
      case 0x74:
        this.#startLiteral("true", at);
        break;
      case 0x66:
        this.#startLiteral("false", at);
        break;
      case 0x6e:
        this.#startLiteral("null", at);
        break;
      default:
        this.#startNumber(byte, at);
    }
  }

  #open(kind: number, at: number): void {
    this.#watch.startValue(this.#depth, at, kind === OBJECT ? "object" : "array");
    if (this.#depth === MAX_JSON_DEPTH) {
      this.isTooDeep = true;
      this.#state = FAILED;
      return;
    }
    this.#depth++;
    this.#kinds[this.#depth] = kind;
    this.#watch.open(this.#depth, kind === ARRAY, at);
    this.#state = kind === OBJECT ? KEY_OR_END : VALUE_OR_END;
  }

  #close(kind: number, at: number): void {
    if (this.#depth === 0 || this.#kinds[this.#depth] !== kind) {
      this.#state = FAILED;
      return;
    }
    this.#watch.close(this.#depth);
    this.#depth--;
    this.#completeValue(at + 1);
  }

  #completeValue(end: number): void {
    this.#watch.endValue(this.#depth, end);
    this.#state = this.#depth === 0 ? DONE : AFTER_VALUE;
  }

  #startLiteral(literal: string, at: number): void {
    this.#watch.startValue(this.#depth, at, "literal", literal);
    this.#literal = literal;
    this.#literalAt = 1;
    this.#state = LITERAL;
  }

  #literalByte(byte: number, at: number): void {
    if (this.#literal.charCodeAt(this.#literalAt) !== byte) {
      this.#state = FAILED;
    } else if (++this.#literalAt === this.#literal.length) {
      this.#completeValue(at + 1);
    }
  }

  #startNumber(byte: number, at: number): void {
    if (byte !== 0x2d && !isDigit(byte)) {
      this.#state = FAILED;
      return;
    }
    this.#watch.startValue(this.#depth, at, "number");
    this.#watch.numberByte(byte);
    this.#state = byte === 0x2d ? MINUS : byte === 0x30 ? ZERO : INTEGER;
  }

  #number(byte: number, at: number, state: number): void {
    const next = nextNumberState(state, byte);
    if (next !== FAILED) {
      this.#watch.numberByte(byte);
      this.#state = next;
    } else if (isCompleteNumber(state)) {
      // The number ended before this byte, which belongs to what follows it.
      this.#completeValue(at);
      this.#step(byte, at);
    } else {
      this.#state = FAILED;
    }
  }

  #escape(byte: number, state: number): void {
    if (this.#watch.capturing) this.#watch.captureByte(byte);
    if (state === UNICODE) {
      if (!isHex(byte)) this.#state = FAILED;
      else if (--this.#hexLeft === 0) this.#state = STRING;
    } else if (byte === 0x75) {
      this.#hexLeft = 4;
      this.#state = UNICODE;
    } else {
      this.#state = '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? STRING : FAILED;
    }
  }
}

function nextNumberState(state: number, byte: number): number {
  const digit = isDigit(byte);
  switch (state) {
    case MINUS:
      return digit ? (byte === 0x30 ? ZERO : INTEGER) : FAILED;
    case ZERO:
    case INTEGER:
      if (digit && state === INTEGER) return INTEGER;
      if (byte === 0x2e) return POINT;
      return byte === 0x65 || byte === 0x45 ? EXPONENT : FAILED;
    case POINT:
      return digit ? FRACTION : FAILED;
    case FRACTION:
      if (digit) return FRACTION;
      return byte === 0x65 || byte === 0x45 ? EXPONENT : FAILED;
    case EXPONENT:
      if (byte === 0x2b || byte === 0x2d) return EXPONENT_SIGN;
      return digit ? EXPONENT_DIGITS : FAILED;
    default:
      return digit ? EXPONENT_DIGITS : FAILED;
  }
}

function isCompleteNumber(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT_DIGITS;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** RFC 8259 §8.1: a byte order mark may be ignored. Recognised only when the first chunk holds it whole. */
function hasByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
