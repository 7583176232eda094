import { writeUuid } from "./write-uuid.ts";

/**
 * Arrays as Postgres' binary parameters (array_recv in its source): the text of an array costs the server about ten times as much to
 * read. The statement must cast the parameter to exactly this type, because nothing converts what is bound in binary.
 */

/** An array's head: dimensions, whether there are nulls, the element's type, and the one dimension's length and first index. */
const HEAD = 20;
const HEAD_OF_EMPTY = 12;
const LENGTH = 4;

/** `pg_type.oid`: the numbers are fixed in Postgres' catalogue. */
const OIDS = { int2: 21, int4: 23, int8: 20, uuid: 2950 } as const;
const BYTES = { int2: 2, int4: 4, int8: 8, uuid: 16 } as const;

type WriteElements = (view: DataView, at: number) => void;

/** An array that is written into the message that binds it, with no buffer of its own in between. */
export class BinaryArray {
  readonly byteLength: number;
  readonly #type: keyof typeof OIDS;
  readonly #count: number;
  readonly #writeElements: WriteElements;

  constructor(type: keyof typeof OIDS, count: number, writeElements: WriteElements) {
    // Without elements it has no dimension, and its head ends there.
    this.byteLength = count === 0 ? HEAD_OF_EMPTY : HEAD + count * (LENGTH + BYTES[type]);
    this.#type = type;
    this.#count = count;
    this.#writeElements = writeElements;
  }

  /** Writes `byteLength` bytes. Throws RangeError for a value that the type does not hold. */
  write(view: DataView, at: number): void {
    const count = this.#count;
    view.setInt32(at, count === 0 ? 0 : 1);
    view.setInt32(at + 4, 0);
    view.setInt32(at + 8, OIDS[this.#type]);
    if (count === 0) return;
    view.setInt32(at + 12, count);
    view.setInt32(at + 16, 1);
    this.#writeElements(view, at + HEAD);
  }

  /** The same by itself. Throws RangeError as `write` does. */
  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(this.byteLength);
    this.write(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
    return bytes;
  }
}

export function int2Array(values: readonly number[]): BinaryArray {
  return new BinaryArray("int2", values.length, (view, at) => writeInt2s(view, at, values));
}

export function int4Array(values: readonly number[]): BinaryArray {
  return new BinaryArray("int4", values.length, (view, at) => writeInt4s(view, at, values));
}

export function int8Array(values: readonly bigint[]): BinaryArray {
  return new BinaryArray("int8", values.length, (view, at) => writeInt8s(view, at, values));
}

/** UUIDs as text of 36 characters, in either case. */
export function uuidArray(values: readonly string[]): BinaryArray {
  return new BinaryArray("uuid", values.length, (view, at) => writeUuids(view, at, values));
}

function writeInt2s(view: DataView, start: number, values: readonly number[]): void {
  let at = start;
  for (const value of values) {
    if ((value << 16) >> 16 !== value) refuse(value, "smallint");
    view.setInt32(at, BYTES.int2);
    view.setInt16(at + LENGTH, value);
    at += LENGTH + BYTES.int2;
  }
}

function writeInt4s(view: DataView, start: number, values: readonly number[]): void {
  let at = start;
  for (const value of values) {
    if ((value | 0) !== value) refuse(value, "integer");
    view.setInt32(at, BYTES.int4);
    view.setInt32(at + LENGTH, value);
    at += LENGTH + BYTES.int4;
  }
}

function writeInt8s(view: DataView, start: number, values: readonly bigint[]): void {
  let at = start;
  for (const value of values) {
    if (BigInt.asIntN(64, value) !== value) refuse(value, "bigint");
    view.setInt32(at, BYTES.int8);
    view.setBigInt64(at + LENGTH, value);
    at += LENGTH + BYTES.int8;
  }
}

function writeUuids(view: DataView, start: number, values: readonly string[]): void {
  let at = start;
  for (const value of values) {
    view.setInt32(at, BYTES.uuid);
    if (!writeUuid(view, at + LENGTH, value)) refuse(value, "UUID");
    at += LENGTH + BYTES.uuid;
  }
}

function refuse(value: number | bigint | string, type: string): never {
  throw new RangeError(`${value} is no ${type}`);
}
