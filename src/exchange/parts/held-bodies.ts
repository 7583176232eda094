/** Up to this a body is not counted: what may be in flight bounds these. */
export const UNCOUNTED_BYTES = 65_536;

/**
 * How many bytes of bodies are in memory: requests that are read before they are forwarded, and answers from their first byte until the
 * client has taken them. An account may have half of what there is room for, so that it leaves some to the others.
 */
export class HeldBodies {
  readonly #most: number;
  readonly #byAccount = new Map<string, number>();
  #total = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  /** False: there is no room. */
  hold(accountId: string, bytes: number): boolean {
    const held = this.#byAccount.get(accountId) ?? 0;
    if (this.#total + bytes > this.#most || held + bytes > this.#most / 2) return false;
    this.#byAccount.set(accountId, held + bytes);
    this.#total += bytes;
    return true;
  }

  release(accountId: string, bytes: number): void {
    const left = (this.#byAccount.get(accountId) ?? 0) - bytes;
    if (left > 0) this.#byAccount.set(accountId, left);
    else this.#byAccount.delete(accountId);
    this.#total -= bytes;
  }

  /** In bytes. */
  get total(): number {
    return this.#total;
  }
}
