import type { Parameter } from "../database.ts";
import { BinaryArray } from "./binary-arrays.ts";
import { type EncodedParameter, encodeParameter } from "./parameters.ts";

/** Execute the unnamed portal to its end; Sync. */
const AFTER_BIND = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
const BIND = 0x42;
const TEXT = 0;
const BINARY = 1;
const NULL = -1;

/**
 * Bind, Execute and Sync of a prepared statement in one piece (Postgres' documentation, "Message Formats"), so that it is one write to
 * the socket: pg writes three, after it has copied each parameter twice. `name` must be ASCII. Throws RangeError for an array's
 * value that its type does not hold.
 */
export function callMessage(name: string, params: readonly Parameter[]): Buffer {
  const values = params.map(encodeParameter);
  const lengths = values.map(lengthOf);
  let length = 4 + 1 + name.length + 1 + 2 + 2 * values.length + 2 + 4;
  for (const size of lengths) length += 4 + Math.max(size, 0);
  const message = Buffer.allocUnsafe(1 + length + AFTER_BIND.length);
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  message[0] = BIND;
  view.setInt32(1, length);
  message[5] = 0;
  message.write(name, 6, "latin1");
  let at = 6 + name.length;
  message[at] = 0;
  at += 1;
  view.setInt16(at, values.length);
  at += 2;
  for (const value of values) {
    view.setInt16(at, value === null || typeof value === "string" ? TEXT : BINARY);
    at += 2;
  }
  view.setInt16(at, values.length);
  at += 2;
  for (const [index, value] of values.entries()) {
    const size = lengths[index] ?? NULL;
    view.setInt32(at, size);
    at += 4;
    if (value === null) continue;
    writeValue(message, view, at, value);
    at += size;
  }
  // All columns of the result as text.
  view.setInt16(at, 1);
  view.setInt16(at + 2, TEXT);
  AFTER_BIND.copy(message, at + 4);
  return message;
}

/** Its part before Execute. */
export function bindOf(message: Buffer): Buffer {
  return message.subarray(0, -AFTER_BIND.length);
}

function lengthOf(value: EncodedParameter): number {
  if (value === null) return NULL;
  return typeof value === "string" ? Buffer.byteLength(value) : value.byteLength;
}

function writeValue(message: Buffer, view: DataView, at: number, value: string | Buffer | BinaryArray): void {
  if (typeof value === "string") message.write(value, at);
  else if (value instanceof BinaryArray) value.write(view, at);
  else value.copy(message, at);
}
