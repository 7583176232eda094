import { hash } from "node:crypto";

/** Of each id: two ids of a million are taken for one with a chance of 1 in 30 million. */
export const ID_BYTES = 8;

/** Each grows by itself: growing a single one would take its size once more, all at once. */
const TABLES = 256;
const FIRST_SLOTS = 16;

/** Which ids a job has had: eight bytes of each one's SHA-256, in tables at most half full. A million take 16 to 32 MB. */
export class IdSet {
  readonly #tables = Array.from({ length: TABLES }, () => new Table());

  /** False when it was there. When it is new its eight bytes are written to `hashes`, at this place. */
  add(id: string, hashes: DataView, at: number): boolean {
    const { low, high } = hashOf(id);
    if (!this.#add(low, high)) return false;
    hashes.setUint32(at, low);
    hashes.setUint32(at + 4, high);
    return true;
  }

  has(id: string): boolean {
    const { low, high } = hashOf(id);
    return this.#tables[high % TABLES]?.has(low, high) === true;
  }

  /** Adds the hashes of a part. */
  addAll(hashes: Uint8Array): void {
    const view = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    for (let at = 0; at + ID_BYTES <= hashes.byteLength; at += ID_BYTES) {
      this.#add(view.getUint32(at), view.getUint32(at + 4));
    }
  }

  #add(low: number, high: number): boolean {
    return this.#tables[high % TABLES]?.add(low, high) === true;
  }
}

/** As text: of each buffer V8 would have to keep account, which takes three times as long as the hash. */
function hashOf(id: string): { readonly low: number; readonly high: number } {
  const hex = hash("sha256", id, "hex");
  return { low: Number.parseInt(hex.slice(0, 8), 16), high: Number.parseInt(hex.slice(8, 16), 16) };
}

/** Two numbers a slot, both 0 where it is free; slots are a power of two. */
class Table {
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #size = 0;

  /** False: it was there. */
  add(low: number, high: number): boolean {
    if (!insert(this.#slots, low, high)) return false;
    this.#size += 1;
    if (this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  has(low: number, high: number): boolean {
    return find(this.#slots, low, high).isThere;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const low = before[at] ?? 0;
      const high = before[at + 1] ?? 0;
      if (low !== 0 || high !== 0) insert(this.#slots, low, high);
    }
  }
}

function insert(slots: Uint32Array, low: number, high: number): boolean {
  const { at, isThere } = find(slots, low, high);
  if (isThere) return false;
  slots[at] = firstOf(low, high);
  slots[at + 1] = high;
  return true;
}

/** Where it is, or where it goes. */
function find(
  slots: Uint32Array,
  low: number,
  high: number,
): { readonly at: number; readonly isThere: boolean } {
  const mask = slots.length - 1;
  const first = firstOf(low, high);
  for (let at = (first * 2) & mask; ; at = (at + 2) & mask) {
    if (slots[at] === first && slots[at + 1] === high) return { at, isThere: true };
    if (slots[at] === 0 && slots[at + 1] === 0) return { at, isThere: false };
  }
}

/** The one hash that means "free" is taken for its neighbour. */
function firstOf(low: number, high: number): number {
  return low === 0 && high === 0 ? 1 : low;
}
