import type { PoolRef } from "../ledger.ts";

/** Pools that a lane remembers: some 10 MB. */
const MOST = 100_000;

/** Pools from which a lane's instance leases, as far as the lane knows. When there are too many all are forgotten. */
export class EnteredPools {
  /** By account and credit type: a name for both would be made, and hashed, for every item of every batch. */
  readonly #types = new Map<string, Set<string>>();
  #size = 0;

  has({ accountId, creditType }: PoolRef): boolean {
    return this.#types.get(accountId)?.has(creditType) ?? false;
  }

  add(pool: PoolRef): void {
    if (this.has(pool)) return;
    if (this.#size >= MOST) this.clear();
    const types = this.#types.get(pool.accountId);
    if (types === undefined) this.#types.set(pool.accountId, new Set([pool.creditType]));
    else types.add(pool.creditType);
    this.#size += 1;
  }

  delete({ accountId, creditType }: PoolRef): void {
    const types = this.#types.get(accountId);
    if (types?.delete(creditType) !== true) return;
    if (types.size === 0) this.#types.delete(accountId);
    this.#size -= 1;
  }

  clear(): void {
    this.#types.clear();
    this.#size = 0;
  }
}
