import type { Ledger, LimitAsk } from "../../ledger/ledger.ts";
import type { MeterClock } from "../meter-clock.ts";
import type { ShareWindow } from "./share-window.ts";

/** The most windows in one question: each is a row that is locked until it is answered. */
const MAX_ASKS = 200;
/** How many windows one look passes, so that a million of them do not stop the others. */
const MAX_LOOKS = 2_000;
/** Windows that are remembered; see the limiter. */
const MAX_KNOWN = 400_000;
/** A request that waits for a place is decided after so long: by what this instance may do alone. */
const PATIENCE_MS = 400;
/** What was refused is asked for again after so long; so is a database that did not answer. */
const PAUSE_MS = 250;

/** One shard's questions: one at a time is on its way, and what comes meanwhile goes with the next. */
class ShardQueue {
  /** With the requests that wait for the answer. */
  readonly windows = new Map<ShareWindow, (() => void)[]>();
  isAsking = false;
}

export interface LimitDeskParts {
  readonly ledger: Pick<Ledger, "shareLimits">;
  readonly clock: MeterClock;
}

/**
 * Divides limits among instances: asks the database for places before they are needed, tells it what is kept, and gives back what is
 * not used. No request waits for it but those that have no place here while others may be left.
 */
export class LimitDesk {
  readonly #parts: LimitDeskParts;
  readonly #queues = new Map<number, ShardQueue>();
  /** Windows that have places, or want some, by their rule and subject, in the order of their last look. */
  readonly #known = new Map<string, ShareWindow>();
  /** Unknown before the first answer: then nobody may do anything unasked. */
  #instances = Number.POSITIVE_INFINITY;
  /** When the database last failed to answer; NaN: it answered since. */
  #silentSince = Number.NaN;
  #running: Promise<void>[] = [];

  constructor(parts: LimitDeskParts) {
    this.#parts = parts;
  }

  /** Instances that share the limits, as far as we were told. */
  get instances(): number {
    return this.#instances;
  }

  /** The database does not answer: this instance goes on with its own part of the limits. */
  get isAlone(): boolean {
    return !Number.isNaN(this.#silentSince);
  }

  /** The window that has places of this rule and subject, though who counted in it has forgotten it. */
  find(rule: string, subject: string): ShareWindow | undefined {
    return this.#known.get(nameOf(rule, subject));
  }

  /** After a request was counted: asks for more before it is needed. */
  counted(window: ShareWindow): void {
    const { clock } = this.#parts;
    if (
      window.isShort(clock.now(), this.#instances) &&
      window.mayAsk(clock.now(), PAUSE_MS) &&
      this.#mayAskAt(clock.now())
    ) {
      this.#enqueue(window);
    }
  }

  /** After places were kept for a request: the window is not forgotten before it is settled. */
  held(window: ShareWindow): void {
    this.#remember(window);
    this.counted(window);
  }

  /** After results were counted that nobody asked places for. */
  added(window: ShareWindow): void {
    const now = this.#parts.clock.now();
    if (window.isOver(now) && this.#mayAskAt(now)) this.#enqueue(window);
    else this.counted(window);
  }

  /** Whether waiting for more can help. */
  mayGetMore(window: ShareWindow): boolean {
    const now = this.#parts.clock.now();
    return this.#mayAskAt(now) && window.mayAsk(now, PAUSE_MS);
  }

  /** Waits for more places of a window, but not for long. */
  more(window: ShareWindow): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const cancel = clock.after(PATIENCE_MS, () => {
        // Slower than anything that answers: until it does, it is not waited for.
        this.#silentSince = clock.now();
        resolve();
      });
      const wake = (): void => {
        cancel();
        resolve();
      };
      this.#enqueue(window, wake);
    });
  }

  /** Every 250 ms: gives back what is not used, and says again what is kept before it ends. */
  look(): void {
    const now = this.#parts.clock.now();
    if (!this.#mayAskAt(now)) return;
    let looks = 0;
    for (const [name, window] of this.#known) {
      if (looks >= Math.min(MAX_LOOKS, this.#known.size)) break;
      looks += 1;
      this.#known.delete(name);
      if (window.isEmpty(now)) continue;
      this.#known.set(name, window);
      if (window.isToBeTold(now, this.#instances)) this.#enqueue(window);
      window.look();
    }
  }

  /** Gives back what is not used. Resolves when no question is on its way. */
  async close(): Promise<void> {
    for (const window of this.#known.values()) {
      window.leave();
      this.#enqueue(window);
    }
    while (this.#running.length > 0) await Promise.all(this.#running);
  }

  #mayAskAt(now: number): boolean {
    return !(now - this.#silentSince < PAUSE_MS);
  }

  #enqueue(window: ShareWindow, wake?: () => void): void {
    this.#remember(window);
    let queue = this.#queues.get(window.of.shard);
    if (queue === undefined) {
      queue = new ShardQueue();
      this.#queues.set(window.of.shard, queue);
    }
    const waiting = queue.windows.get(window) ?? [];
    if (wake !== undefined) waiting.push(wake);
    queue.windows.set(window, waiting);
    if (queue.isAsking) return;
    queue.isAsking = true;
    const running = this.#askAll(window.of.shard, queue).finally(() => {
      this.#running = this.#running.filter((one) => one !== running);
    });
    this.#running.push(running);
  }

  #remember(window: ShareWindow): void {
    const { rule, subject } = window.of;
    const name = nameOf(rule, subject);
    if (!this.#known.has(name) && this.#known.size >= MAX_KNOWN) {
      // What it has goes back by itself, a window after it was last told.
      for (const [oldest] of this.#known) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(name, window);
  }

  async #askAll(shard: number, queue: ShardQueue): Promise<void> {
    // What comes in this turn of the event loop goes along.
    await Promise.resolve();
    while (queue.windows.size > 0) await this.#askSome(shard, queue);
    queue.isAsking = false;
  }

  /** Never rejects: without an answer each instance does its own part. */
  async #askSome(shard: number, queue: ShardQueue): Promise<void> {
    const { ledger, clock } = this.#parts;
    const now = clock.now();
    const asked = [...queue.windows].slice(0, MAX_ASKS);
    for (const [window] of asked) queue.windows.delete(window);
    const asks = asked.map(([window]): LimitAsk => {
      const { subject, rule, limit } = window.of;
      const { have, want } = window.ask(now, this.#instances);
      return { subject, rule, limit, seconds: Math.ceil(window.keepMs / 1_000), have, want };
    });
    try {
      const { answers, instances } = await ledger.shareLimits(shard, asks);
      this.#instances = instances;
      this.#silentSince = Number.NaN;
      for (const [index, [window]] of asked.entries()) window.told(answers[index] ?? null, now);
    } catch {
      // Whoever asks it next says so: its heartbeats, and every charge.
      this.#silentSince = clock.now();
      for (const [window] of asked) window.told(null, now);
    } finally {
      for (const [, waiting] of asked) for (const wake of waiting) wake();
    }
  }
}

function nameOf(rule: string, subject: string): string {
  return `${rule} ${subject}`;
}
