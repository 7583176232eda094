import type { BodyScan } from "./json-splice.ts";

/** More than this is not held back between two members: no name is as long, and nobody writes so much space. */
const MAX_HELD_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Puts a member into a top-level object that passes by in pieces, without touching another byte: before the closing brace, which is
 * held back until it is known what the member says. Members of that name that the upstream sends are left out.
 * The scan reads the same bytes, and may be ahead.
 */
export class StreamSplice {
  readonly #scan: BodyScan;
  #held: Buffer = EMPTY;
  /** The offset of the first byte that is held. */
  #at = 0;
  #cut = 0;

  constructor(scan: BodyScan) {
    this.#scan = scan;
  }

  /**
   * Takes the next piece, and gives what may be sent. Throws when there is too much between two members to be held back.
   */
  take(chunk: Buffer): Buffer {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const { watch } = this.#scan;
    const sent = this.#release(this.#scan.failed ? Number.POSITIVE_INFINITY : watch.heldFrom);
    if (watch.isCutting && this.#at >= watch.heldFrom) {
      this.#at += this.#held.length;
      this.#held = EMPTY;
    } else if (this.#held.length > MAX_HELD_BYTES) {
      throw new RangeError(`more than ${MAX_HELD_BYTES} bytes between two members`);
    }
    return sent;
  }

  /** The rest, with the member if the body was one object. `json` is its value, one JSON text. */
  end(json: string): Buffer {
    const end = this.#scan.endInPieces();
    if (end === undefined) return this.#release(Number.POSITIVE_INFINITY);
    return Buffer.concat([this.#release(end.before), Buffer.from(end.prefix + json), this.#held]);
  }

  /** Gives the bytes before an offset, without what is cut out of them. */
  #release(before: number): Buffer {
    const to = Math.min(before, this.#at + this.#held.length);
    if (to <= this.#at) return EMPTY;
    const pieces: Buffer[] = [];
    let from = this.#at;
    const { cuts } = this.#scan.watch;
    for (let cut = cuts[this.#cut]; cut !== undefined && cut[0] < to; cut = cuts[this.#cut]) {
      if (cut[0] > from) pieces.push(this.#slice(from, cut[0]));
      from = Math.max(from, cut[1]);
      if (cut[1] > to) break;
      this.#cut++;
    }
    if (from < to) pieces.push(this.#slice(from, to));
    this.#held = this.#held.subarray(to - this.#at);
    this.#at = to;
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }

  #slice(from: number, to: number): Buffer {
    return this.#held.subarray(from - this.#at, to - this.#at);
  }
}
