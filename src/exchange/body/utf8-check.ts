import { isUtf8 } from "node:buffer";

const NOTHING = Buffer.alloc(0);

/** Checks in chunks that bytes are UTF-8: readers make different things of what is not. */
export class Utf8Check {
  /** The beginning of a character whose end is in the next chunk. */
  #begun: Buffer = NOTHING;

  write(bytes: Uint8Array): boolean {
    const whole = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const end = endOfWholeCharacters(whole);
    this.#begun = end === whole.length ? NOTHING : Buffer.from(whole.subarray(end));
    return isUtf8(whole.subarray(0, end));
  }

  /** No character is cut. */
  end(): boolean {
    return this.#begun.length === 0;
  }
}

/** A character has at most four bytes: its first one, from 0xC0, is looked for in the last three. */
function endOfWholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue;
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
