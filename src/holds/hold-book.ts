import type { HoldDecision } from "./hold.ts";
import type { HoldEvents } from "./hold-events.ts";
import type { OpenHold } from "./open-hold.ts";

/** Holds whose end is known, and those that expired, are remembered so long: whoever asks again is told the same. */
const KNOWN_MS = 10 * 60_000;
/** Whoever settles later than this after the end of his hold is refused; it bounds what callers who settle nothing make us keep. */
const LAPSED_MS = 60 * 60_000;
/** Of those that are over: about 100 MB. */
const MOST_KNOWN = 100_000;
/** Holds end at most two of these late. */
const TICK_MS = 250;

interface CallerId {
  readonly content: string;
  readonly decision: Promise<HoldDecision>;
}

/** The holds of this instance: those that may be settled, and for a while those that are over. */
export class HoldBook {
  readonly #events: HoldEvents;
  readonly #holds = new Map<string, OpenHold>();
  /** By account and the caller's own id. */
  readonly #callerIds = new Map<string, CallerId>();
  /** Holds by the tick in which they end. */
  readonly #ends = new Map<number, Set<OpenHold>>();
  readonly #endOf = new Map<OpenHold, number>();
  /** When those are forgotten whose end is known, and those that expired: the oldest first. */
  readonly #known = new Map<OpenHold, number>();
  readonly #lapsed = new Map<OpenHold, number>();
  #tick = Math.floor(performance.now() / TICK_MS);

  constructor(events: HoldEvents) {
    this.#events = events;
  }

  /** That are neither over nor expired. */
  get open(): number {
    return this.#endOf.size;
  }

  get(requestId: string): OpenHold | undefined {
    return this.#holds.get(requestId);
  }

  add(hold: OpenHold, ttlMs: number): void {
    this.#holds.set(hold.subject.requestId, hold);
    this.extend(hold, ttlMs);
  }

  /** From now on. */
  extend(hold: OpenHold, ttlMs: number): void {
    this.#unschedule(hold);
    const tick = Math.ceil((performance.now() + ttlMs) / TICK_MS);
    this.#endOf.set(hold, tick);
    let ending = this.#ends.get(tick);
    if (ending === undefined) this.#ends.set(tick, (ending = new Set()));
    ending.add(hold);
  }

  /** It is being settled or released, or nothing came of that. */
  changed(hold: OpenHold): void {
    this.#unschedule(hold);
    if (hold.isResolved) this.#keep(this.#known, hold, KNOWN_MS);
    else this.#keep(this.#lapsed, hold, LAPSED_MS);
  }

  callerId(id: string): CallerId | undefined {
    return this.#callerIds.get(id);
  }

  /** Kept while the hold that comes of it is known; where none comes of it, until it is decided. */
  keepCallerId(id: string, known: CallerId): void {
    this.#callerIds.set(id, known);
    known.decision
      .then((decision) => decision.kind === "admitted" && decision.hold !== undefined)
      .catch(() => false)
      .then((isHeld) => isHeld || this.#callerIds.delete(id))
      .catch(() => undefined);
  }

  /** Ends what is due. Called several times a second. */
  look(): void {
    const now = performance.now();
    for (const last = Math.floor(now / TICK_MS); this.#tick < last; this.#tick += 1) {
      for (const hold of this.#ends.get(this.#tick) ?? []) this.lapse(hold);
    }
    for (const over of [this.#known, this.#lapsed]) {
      for (const [hold, forgetAt] of over) {
        if (forgetAt > now && over.size <= MOST_KNOWN) break;
        this.#forget(hold);
      }
    }
  }

  lapse(hold: OpenHold): void {
    this.#unschedule(hold);
    if (!hold.isOpen) return;
    hold.lapse();
    this.#keep(this.#lapsed, hold, LAPSED_MS);
    this.#events.expired({ ...hold.subject, amount: hold.quote });
  }

  /** All that are open end now. */
  lapseAll(): void {
    for (const hold of this.#endOf.keys()) this.lapse(hold);
  }

  #keep(over: Map<OpenHold, number>, hold: OpenHold, ms: number): void {
    this.#known.delete(hold);
    this.#lapsed.delete(hold);
    over.set(hold, performance.now() + ms);
  }

  #forget(hold: OpenHold): void {
    this.#known.delete(hold);
    this.#lapsed.delete(hold);
    this.#holds.delete(hold.subject.requestId);
    if (hold.callerId !== undefined) this.#callerIds.delete(hold.callerId);
    hold.forget();
  }

  #unschedule(hold: OpenHold): void {
    const tick = this.#endOf.get(hold);
    if (tick === undefined) return;
    this.#endOf.delete(hold);
    const ending = this.#ends.get(tick);
    ending?.delete(hold);
    if (ending?.size === 0) this.#ends.delete(tick);
  }
}
