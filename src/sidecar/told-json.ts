import { createHash } from "node:crypto";
import { bytesBetween, joinChunks, sizeOf } from "../exchange/body/chunks.ts";
import { type ReadFields, readJsonFields } from "../exchange/body/json-fields.ts";
import { inPieces, takeTurn } from "../exchange/body/turns.ts";
import { fingerprint } from "./fingerprint.ts";

/** Up to this a message is parsed as it is: in a millisecond. */
export const SMALL_BYTES = 65_536;

/** Of base64: what four characters stand for is whole. */
const DECODED_AT_ONCE = 262_144;
const WHOLE = /^[0-9A-Za-z+/]*$/;
const PADDED = /^[0-9A-Za-z+/]*={0,2}$/;

/**
 * A JSON value of a customer's that came in a large message. It stays as its bytes, which were looked through and are JSON: to build
 * its value would keep everybody else waiting, so that what is asked of it is read in turns.
 */
export class ToldJson {
  readonly #chunks: readonly Buffer[];
  readonly isText: boolean;

  constructor(chunks: readonly Buffer[], isText: boolean) {
    this.#chunks = chunks;
    this.isText = isText;
  }

  /** As `fingerprint` of its value, where a small message could have it too. */
  async fingerprint(): Promise<string> {
    if (sizeOf(this.#chunks) <= SMALL_BYTES)
      return fingerprint(JSON.parse(joinChunks(this.#chunks).toString()));
    const hash = createHash("sha256");
    for await (const piece of inPieces(this.#chunks)) hash.update(piece);
    return hash.digest("hex");
  }

  readFields(pointers: readonly string[]): Promise<ReadFields> | ReadFields {
    return readJsonFields(this.#chunks, pointers);
  }

  /** What a text says in base64 (RFC 4648 section 4, with padding). Undefined: it is none. */
  async decodeBase64(): Promise<Buffer | undefined> {
    const end = sizeOf(this.#chunks) - 1;
    const parts: Buffer[] = [];
    for (let at = 1; at < end; at += DECODED_AT_ONCE) {
      if (at > 1) await takeTurn();
      const to = Math.min(at + DECODED_AT_ONCE, end);
      const letters = bytesBetween(this.#chunks, at, to).toString("latin1");
      if (letters.length % 4 !== 0 || !(to === end ? PADDED : WHOLE).test(letters)) return undefined;
      parts.push(Buffer.from(letters, "base64"));
    }
    return Buffer.concat(parts);
  }
}

/** Stands for what was told, however large the message is in which it came. */
export async function fingerprintOf(told: unknown): Promise<string> {
  return told instanceof ToldJson ? await told.fingerprint() : fingerprint(told);
}
