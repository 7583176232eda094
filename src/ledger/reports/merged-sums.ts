import type { FoundSums } from "./usage-sums.ts";

/** Sums of the same bucket and line are one, however many statements they come from. */
export class MergedSums {
  readonly #most: number;
  readonly #lines = new Map<string, FoundSums>();

  /** `most`: so many are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** False: there are more than are kept. */
  add(sums: readonly FoundSums[]): boolean {
    for (const one of sums) {
      const { bucket, accountId, creditType, endpoint, keyId } = one;
      const name = JSON.stringify([bucket, accountId, creditType, endpoint, keyId]);
      const known = this.#lines.get(name);
      this.#lines.set(name, known === undefined ? one : addUp(known, one));
    }
    return this.#lines.size <= this.#most;
  }

  list(): readonly FoundSums[] {
    return [...this.#lines.values()];
  }
}

function addUp(known: FoundSums, more: FoundSums): FoundSums {
  return {
    ...known,
    requests: known.requests + more.requests,
    units: known.units + more.units,
    credits: known.credits + more.credits,
    refunded: known.refunded + more.refunded,
  };
}
