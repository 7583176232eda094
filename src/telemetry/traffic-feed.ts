import type { Credits } from "../domain/credits.ts";
import type { RefusalCode } from "../domain/refusal.ts";
import type { ExchangeOutcome, FinishedExchange } from "../exchange/parts/exchange-events.ts";

/** One request, when everything about it is over. No key's text, no header, no query and no body is in it. */
export interface TrafficLine {
  /** Unix milliseconds of its end. */
  readonly atMs: number;
  readonly requestId: string;
  readonly method: string;
  readonly endpoint: string | null;
  readonly accountId: string | null;
  /** What the client was answered; 0 when it had gone. */
  readonly status: number;
  readonly upstreamStatus: number | null;
  readonly ms: number;
  readonly charged: Credits;
  readonly creditType: string | null;
  readonly units: number | null;
  readonly refusal: RefusalCode | null;
}

/** Lines that wait for a reader. With more the oldest are dropped and counted. */
const MOST_WAITING = 1_000;

/** What has come since it was last asked, and how many lines were dropped before them. */
export interface TakenTraffic {
  readonly missed: number;
  readonly lines: readonly TrafficLine[];
}

/** Somebody who watches. */
export interface TrafficReader {
  take(): TakenTraffic;
  /** Resolves when there is something to take, or the reader is over. */
  waiting(): Promise<void>;
  readonly isOver: boolean;
  leave(): void;
}

/**
 * What this instance answers, told to whoever watches. Nobody is waited for: a reader that is too slow misses lines, and is told
 * how many. With nobody watching a request costs one comparison.
 */
export class TrafficFeed {
  readonly #readers = new Set<Reader>();
  #isClosed = false;
  /** Told when the first reader comes and the last one leaves. */
  onWatched: ((isWatched: boolean) => void) | undefined;

  get isWatched(): boolean {
    return this.#readers.size > 0;
  }

  get readers(): number {
    return this.#readers.size;
  }

  tell(exchange: FinishedExchange, { settlement, refusal }: ExchangeOutcome): void {
    const line: TrafficLine = {
      atMs: Date.now(),
      requestId: exchange.requestId,
      method: exchange.method,
      endpoint: exchange.endpoint ?? null,
      accountId: exchange.accountId ?? null,
      status: exchange.status,
      upstreamStatus: exchange.upstreamStatus ?? null,
      ms: exchange.ms,
      charged: settlement?.charged ?? 0n,
      creditType: settlement?.creditType ?? null,
      units: settlement?.units ?? null,
      refusal: refusal?.code ?? null,
    };
    for (const reader of this.#readers) reader.tell(line);
  }

  /** What another process took from its own feed. */
  pass({ missed, lines }: TakenTraffic): void {
    for (const reader of this.#readers) {
      reader.miss(missed);
      for (const line of lines) reader.tell(line);
    }
  }

  /** `accountId`: only its requests. */
  watch(accountId: string | undefined): TrafficReader {
    const reader = new Reader(accountId, () => {
      if (this.#readers.delete(reader) && this.#readers.size === 0) this.onWatched?.(false);
    });
    this.#readers.add(reader);
    if (this.#readers.size === 1) this.onWatched?.(true);
    if (this.#isClosed) reader.leave();
    return reader;
  }

  /** Ends every reader, and those that come later at once. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) reader.leave();
  }
}

class Reader implements TrafficReader {
  isOver = false;
  readonly #accountId: string | undefined;
  readonly #left: () => void;
  #lines: TrafficLine[] = [];
  #missed = 0;
  #wake: (() => void) | undefined;

  constructor(accountId: string | undefined, left: () => void) {
    this.#accountId = accountId;
    this.#left = left;
  }

  tell(line: TrafficLine): void {
    if (this.#accountId !== undefined && line.accountId !== this.#accountId) return;
    if (this.#lines.length >= MOST_WAITING) {
      this.#missed += this.#lines.length;
      this.#lines = [];
    }
    this.#lines.push(line);
    this.#wake?.();
  }

  miss(count: number): void {
    this.#missed += count;
  }

  take(): TakenTraffic {
    const taken = { missed: this.#missed, lines: this.#lines };
    this.#lines = [];
    this.#missed = 0;
    return taken;
  }

  waiting(): Promise<void> {
    if (this.isOver || this.#lines.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  leave(): void {
    this.isOver = true;
    this.#left();
    this.#wake?.();
  }
}
