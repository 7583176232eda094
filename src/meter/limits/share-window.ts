import { RateWindow } from "../../domain/rate-window.ts";

/** The part of a limit that its instances may use before they were told, or keep unused: 1/40 of it, divided among them. */
const SLACK = 40;

/** Who has not used a limit for so long gives back what is left of its share: a thirtieth of the window, within these bounds. */
const QUIET = { min: 250, max: 5_000 } as const;

/** A share is its instance's for a window after it said that it has it, and for no less than a sweep of heartbeats takes. */
const MIN_KEEP_MS = 10_000;

/** What a limit says, and of whom. */
export interface Limited {
  /** The account's or the key's id, and the shard of its account. */
  readonly subject: string;
  readonly shard: number;
  /** Stands for what the limit says. */
  readonly rule: string;
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * What this instance may do of a limit, and has done in the last window. Its share is a number of places: a request takes one, and a
 * window later it is free again. Together the instances never have more places than the limit. Pure: time is given.
 */
export class ShareWindow {
  readonly of: Limited;
  readonly #window: RateWindow;
  /** Places of requests under way, for what they may still return. They leave no window before their request is settled. */
  #held = 0;
  /** Places that requests wait for which are not decided yet. */
  #waiting = 0;
  /** Places that the database knows to be ours. */
  #share = 0;
  /** What nobody has, as far as we were told. */
  #left: number;
  /** Since when, and until when, the share is ours; NaN: it never was. */
  #toldAt = Number.NaN;
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** Requests since the last look, which tells how many more are to be expected until the next. */
  #recent = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** What a question that is under way says that we keep; undefined: none is. */
  #kept: number | undefined = undefined;

  constructor(of: Limited) {
    this.of = of;
    this.#window = new RateWindow(of.limit, of.windowMs);
    this.#left = of.limit;
  }

  /** How long a share is ours, in milliseconds. */
  get keepMs(): number {
    return Math.max(this.of.windowMs, MIN_KEEP_MS);
  }

  /** Whether so many places are within what this instance may do. `alone`: the database does not answer. */
  hasRoom(now: number, instances: number, alone: boolean, places = 1): boolean {
    return this.#usedAt(now) + places <= this.#allowed(now, instances, alone);
  }

  /** `by`: one request, or results of one that were not known when it was let through. */
  count(now: number, by = 1): void {
    this.#window.count(now, by);
    this.#recent += by;
    this.#countedAt = now;
  }

  /** Keeps places for what a request may return, until it is settled. */
  hold(now: number, places: number): void {
    this.#held += places;
    this.#recent += places;
    this.#countedAt = now;
  }

  /** Frees places that were kept. What was returned is counted besides. */
  free(places: number): void {
    this.#held -= places;
  }

  /** A request begins to wait for so many places; with a minus it ends. */
  wait(places: number): void {
    this.#waiting += places;
  }

  /** What is left of the limit: never more than there is, and less where others have places that they do not use. */
  remaining(now: number, instances: number, alone: boolean): number {
    const used = this.#usedAt(now);
    const mine = this.#allowed(now, instances, alone) + (alone ? 0 : this.#left);
    return Math.max(0, Math.min(this.of.limit, mine) - used);
  }

  /** As far as it is known: when requests under way are settled is not. */
  secondsUntilRoom(now: number, places = 1): number {
    return Math.max(1, this.#window.secondsUntilRoom(now, places + this.#held));
  }

  secondsUntilEmpty(now: number): number {
    return this.#window.secondsUntilEmpty(now);
  }

  /** Nothing is used and nothing is ours: it can be forgotten. */
  isEmpty(now: number): boolean {
    return this.#share === 0 && this.#kept === undefined && this.#usedAt(now) === 0;
  }

  /** Whether asking can help a request that has no room: not when the database said a moment ago that nothing is left. */
  mayAsk(now: number, afterMs: number): boolean {
    return this.#kept !== undefined || now - this.#refusedAt >= afterMs;
  }

  /** Whether more should be asked for before it is needed. */
  isShort(now: number, instances: number): boolean {
    return (
      this.#kept === undefined &&
      this.#left > 0 &&
      this.#share - this.#usedAt(now) < this.#chunk(instances) / 2
    );
  }

  /** More is used than we were given: the others must be told, so that all together have no room sooner. */
  isOver(now: number): boolean {
    return this.#kept === undefined && this.#usedAt(now) > this.#share;
  }

  /** Whether something is to be given back, or to be said again before the share ends. */
  isToBeTold(now: number, instances: number): boolean {
    if (this.#kept !== undefined) return false;
    const used = this.#usedAt(now);
    const spare = this.#share - used;
    const isMuch = spare > 2 * Math.max(this.#base(instances), this.#recent);
    const isOld = used > 0 && now - this.#toldAt > this.keepMs / 2;
    return isMuch || isOld || (spare > 0 && this.#isQuiet(now));
  }

  /** The instance ends: nothing more is expected. */
  leave(): void {
    this.#recent = 0;
    this.#countedAt = Number.NEGATIVE_INFINITY;
  }

  /** Ends a look: what was recent is no more. */
  look(): void {
    this.#recent = Math.floor(this.#recent / 2);
  }

  /**
   * Begins a question: what is kept from now on, and how many more are wanted. What requests wait for is among it, also of those that were
   * woken and have taken nothing yet: else their places would go back, or to others.
   */
  ask(now: number, instances: number): { readonly have: number; readonly want: number } {
    const used = this.#usedAt(now);
    const isIdle = this.#waiting === 0 && this.#isQuiet(now);
    const chunk = isIdle ? 0 : this.#waiting + this.#chunk(instances);
    const owned = this.#isOurs(now) ? this.#share : 0;
    // What is used is kept, also when it is more than was given.
    const have = Math.max(used, Math.min(owned, used + chunk));
    this.#share = have;
    this.#kept = have;
    return { have, want: Math.max(0, used + chunk - have) };
  }

  /** Ends a question. Null: others were asking, nothing changed. `sentAt`: when it was sent, before the database looked at its clock. */
  told(answer: { readonly granted: number; readonly left: number } | null, sentAt: number): void {
    if (answer !== null) {
      this.#share = (this.#kept ?? this.#share) + answer.granted;
      this.#left = answer.left;
      this.#toldAt = sentAt;
      if (answer.granted === 0 && answer.left === 0) this.#refusedAt = sentAt;
    }
    this.#kept = undefined;
  }

  #usedAt(now: number): number {
    return this.#window.usedAt(now) + this.#held;
  }

  #isOurs(now: number): boolean {
    return now - this.#toldAt < this.keepMs;
  }

  #allowed(now: number, instances: number, alone: boolean): number {
    const fair = alone ? Math.max(1, Math.floor(this.of.limit / instances)) : 0;
    if (this.#isOurs(now)) return Math.max(this.#share, fair);
    // Nothing was heard of it for a window. A little may be done before the database is asked: nothing while the others are unknown.
    return Math.max(Math.floor(this.of.limit / (SLACK * instances)), fair);
  }

  #isQuiet(now: number): boolean {
    const quietMs = Math.min(QUIET.max, Math.max(QUIET.min, this.of.windowMs / 30));
    return now - this.#countedAt >= quietMs;
  }

  #base(instances: number): number {
    return Math.max(1, Math.floor(this.of.limit / (SLACK * instances)));
  }

  /** How many are kept ahead: what the recent traffic needs, but never so much that the others find nothing. */
  #chunk(instances: number): number {
    const fair = Math.floor(this.#left / (4 * instances));
    return Math.max(this.#base(instances), Math.min(2 * this.#recent, fair));
  }
}
