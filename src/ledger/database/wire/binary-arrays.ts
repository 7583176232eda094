/**
 * Arrays as Postgres' binary parameters (array_recv in its source): the text of an array costs the server about ten times as much to
 * read. The statement must cast the parameter to exactly this type, because nothing converts what is bound in binary.
 *
 * All throw RangeError for a value that the type does not hold.
 */

/** An array's head: dimensions, whether there are nulls, the element's type, and the one dimension's length and first index. */
const HEAD = 20;
const LENGTH = 4;

/** `pg_type.oid`: the numbers are fixed in Postgres' catalogue. */
const OIDS = { int2: 21, int4: 23, int8: 20, uuid: 2950 } as const;
const BYTES = { int2: 2, int4: 4, int8: 8, uuid: 16 } as const;

export function int2Array(values: readonly number[]): Buffer {
  const array = open("int2", values.length);
  const view = viewOf(array);
  let at = HEAD;
  for (const value of values) {
    if ((value << 16) >> 16 !== value) refuse(value, "smallint");
    view.setInt32(at, BYTES.int2);
    view.setInt16(at + LENGTH, value);
    at += LENGTH + BYTES.int2;
  }
  return array;
}

export function int4Array(values: readonly number[]): Buffer {
  const array = open("int4", values.length);
  const view = viewOf(array);
  let at = HEAD;
  for (const value of values) {
    if ((value | 0) !== value) refuse(value, "integer");
    view.setInt32(at, BYTES.int4);
    view.setInt32(at + LENGTH, value);
    at += LENGTH + BYTES.int4;
  }
  return array;
}

export function int8Array(values: readonly bigint[]): Buffer {
  const array = open("int8", values.length);
  const view = viewOf(array);
  let at = HEAD;
  for (const value of values) {
    if (BigInt.asIntN(64, value) !== value) refuse(value, "bigint");
    view.setInt32(at, BYTES.int8);
    view.setBigInt64(at + LENGTH, value);
    at += LENGTH + BYTES.int8;
  }
  return array;
}

/** UUIDs as text of 36 characters, in either case. */
export function uuidArray(values: readonly string[]): Buffer {
  const array = open("uuid", values.length);
  let at = HEAD;
  for (const value of values) {
    array.writeInt32BE(BYTES.uuid, at);
    const written = array.write(value.replaceAll("-", ""), at + LENGTH, BYTES.uuid, "hex");
    if (written !== BYTES.uuid || value.length !== 36) refuse(value, "UUID");
    at += LENGTH + BYTES.uuid;
  }
  return array;
}

function open(type: keyof typeof OIDS, count: number): Buffer {
  const array = Buffer.allocUnsafe(HEAD + count * (LENGTH + BYTES[type]));
  // Without elements it has no dimension, and its head ends there.
  array.writeInt32BE(count === 0 ? 0 : 1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(OIDS[type], 8);
  if (count === 0) return array.subarray(0, HEAD - 8);
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16);
  return array;
}

/** A view writes numbers at a fraction of what the buffer's own methods take, and checks none. */
function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function refuse(value: number | bigint | string, type: string): never {
  throw new RangeError(`${value} is no ${type}`);
}
