import type { PriceList } from "../domain/prices/price.ts";
import { buildPriceTable, type PriceTable } from "../domain/prices/price-table.ts";
import type { Heartbeat } from "../ledger/ledger.ts";

/** Reads a published price list. Rejects like the ledger. */
export interface PriceListSource {
  readPriceList(version: number): Promise<PriceList>;
}

/** Two readings of the same moment that differ by more mean that the database's clock was set. */
const CLOCK_STEP_MS = 1_000;

/**
 * The price list in force, and the next one, read ahead so that the switch needs no query. The switch happens by the
 * database's clock: a heartbeat says in how many milliseconds, counted from its receipt. That is late by the way back of
 * the reply at most, and never early: nobody pays a price before it is in force.
 */
export class PriceLists {
  readonly #source: PriceListSource;
  readonly #tables = new Map<number, PriceTable>();
  #version: number | undefined = undefined;
  #next: { readonly version: number; readonly at: number } | undefined = undefined;

  constructor(source: PriceListSource) {
    this.#source = source;
  }

  /** The table in force at a monotonic moment. `undefined` before the first heartbeat and while its list is unread. */
  current(now: number): PriceTable | undefined {
    if (this.#next !== undefined && now >= this.#next.at) {
      this.#version = this.#next.version;
      this.#next = undefined;
    }
    return this.#version === undefined ? undefined : this.#tables.get(this.#version);
  }

  /** Takes in what a heartbeat told, and reads the lists that are not known yet. Rejects when one cannot be read. */
  async observe(beat: Pick<Heartbeat, "priceList" | "nextPriceList">, receivedAt: number): Promise<void> {
    const announced = beat.nextPriceList;
    // A reply from just before the switch must not undo it.
    const overtaken = announced !== null && announced.version === this.#version;
    if (!overtaken) {
      this.#version = beat.priceList ?? undefined;
      this.#next =
        announced === null
          ? undefined
          : { version: announced.version, at: this.#momentOf(announced, receivedAt) };
    }
    for (const version of [this.#version, this.#next?.version]) {
      if (version !== undefined && !this.#tables.has(version)) await this.#read(version);
    }
    for (const version of this.#tables.keys()) {
      if (version !== this.#version && version !== this.#next?.version) this.#tables.delete(version);
    }
  }

  /** Of several readings the earliest: it came back fastest, and none is early. */
  #momentOf(announced: { readonly version: number; readonly inMs: number }, receivedAt: number): number {
    const at = receivedAt + announced.inMs;
    const known = this.#next;
    if (known === undefined || known.version !== announced.version) return at;
    return Math.abs(known.at - at) < CLOCK_STEP_MS ? Math.min(known.at, at) : at;
  }

  async #read(version: number): Promise<void> {
    this.#tables.set(version, buildPriceTable(await this.#source.readPriceList(version)));
  }
}
