import { RateWindow } from "../domain/rate-window.ts";

/** Tries in a minute: of one address, and of all. Texts cannot be guessed; what is limited is the work that guessing makes. */
const TRIES_OF_ADDRESS = 20;
const TRIES_OF_ALL = 600;
const WINDOW_MS = 60_000;

/** Addresses that are counted at once: then the one that was counted first is forgotten. */
const MAX_ADDRESSES = 10_000;

/** Counts tries to sign in. On each instance for itself. */
export class SignInLimit {
  readonly #all = new RateWindow(TRIES_OF_ALL, WINDOW_MS);
  readonly #addresses = new Map<string, RateWindow>();

  /** Counts a try; false: there were too many. `now` is in monotonic milliseconds. */
  try(address: string, now: number): boolean {
    const own = this.#addresses.get(address) ?? new RateWindow(TRIES_OF_ADDRESS, WINDOW_MS);
    if (!own.hasRoom(now) || !this.#all.hasRoom(now)) return false;
    this.#addresses.set(address, own);
    for (const first of this.#addresses.keys()) {
      if (this.#addresses.size <= MAX_ADDRESSES) break;
      this.#addresses.delete(first);
    }
    own.count(now);
    this.#all.count(now);
    return true;
  }
}
