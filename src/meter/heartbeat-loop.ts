import { isDatabaseAway } from "../ledger/database/storage-error.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { KeyCache } from "./key-cache.ts";
import type { LeaseDesk } from "./lease-desk.ts";
import type { MeterClock } from "./meter-clock.ts";
import type { MeterEvents } from "./meter-events.ts";
import type { PriceLists } from "./price-lists.ts";
import type { SignsOfLife } from "./signs-of-life.ts";

/** Fixed by what waits for it: leases that others recall (a refused request of theirs waits 400 ms). */
const BUSY_MS = 250;
/**
 * Of an instance that leases nothing and serves no request: it has nothing that could be recalled, and an idle process should
 * cost nothing. Fixed by revoked keys, which must be refused within 5 s also when one heartbeat fails, and by what they are
 * trusted for (4 s). It is at most a fifth of what the database declares an instance dead after.
 */
const IDLE_MS = 2_000;
/** Keys whose last use is written after one heartbeat: 240,000 a minute, more than are cached. */
const MAX_USES = 1_000;

/** One failure may be that of a single connection: the next heartbeat, 250 ms later, tells. */
const FAILURES = 2;
/** So many ticks without an answer to a heartbeat: counted, so that a process that stood still blames nobody. */
const SILENT_TICKS = 12;

export interface HeartbeatParts {
  readonly ledger: Pick<Ledger, "heartbeat" | "register" | "instanceId" | "recordKeyUse">;
  readonly clock: MeterClock;
  readonly events: MeterEvents;
  readonly keys: KeyCache;
  readonly desk: LeaseDesk;
  readonly life: SignsOfLife;
  readonly priceLists: PriceLists;
  /** Without a heartbeat for so long the database declares this instance dead. */
  readonly deadAfterMs: number;
  /** Whether it holds leases or serves requests. */
  readonly isBusy: () => boolean;
  /** Called every 250 ms, also while the database does not answer. */
  readonly onTick: () => void;
}

/**
 * Tells the database every 250 ms, or every 2 s while it is idle, that this instance lives, and takes in what it answers: recalled
 * leases, changed keys, price lists, or that the instance was declared dead. One heartbeat is on its way at a time. Shards in which
 * nothing is leased are told every 2 s only.
 */
export class HeartbeatLoop {
  readonly #parts: HeartbeatParts;
  readonly #idleMs: number;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** When the last heartbeat was sent that every shard heard. */
  #sentToAllAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined = undefined;
  #beating: Promise<void> | undefined = undefined;
  #recording: Promise<void> | undefined = undefined;
  /** Heartbeats that failed since the last that succeeded. */
  #failures = 0;
  /** Ticks that the heartbeat on its way has seen. */
  #ticks = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** The id under which it has told of itself last. */
  #toldId: string | undefined;
  /** Heartbeats to all shards that some did not hear, since the last that all heard. */
  #unheard = 0;
  #unheardSince = 0;
  #stopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#idleMs = Math.min(IDLE_MS, parts.deadAfterMs / 5);
  }

  /** Resolves after the first heartbeat; rejects when the database does not answer it. */
  async start(): Promise<void> {
    await this.beat();
    this.#schedule();
  }

  /** One heartbeat. Rejects when the database does not answer. */
  async beat(): Promise<void> {
    const { ledger, clock, keys, desk, priceLists, deadAfterMs } = this.#parts;
    const sentAt = clock.now();
    this.#sentAt = sentAt;
    const { instanceId } = ledger;
    this.#tellOfFence(instanceId);
    // With 32 shards a heartbeat in each costs the database more than the charges between two of them.
    const isToAll = this.#failures > 0 || sentAt - this.#sentToAllAt >= this.#idleMs;
    const answer = await ledger.heartbeat(isToAll ? undefined : desk.leasedShards);
    if (isToAll) this.#sentToAllAt = sentAt;
    const receivedAt = clock.now();
    this.#answered(receivedAt, answer.unheard);
    if (isToAll) this.#tellOfShards(receivedAt, answer.unheard.length);
    keys.trustFrom(sentAt);
    keys.invalidate(answer.changedKeys);
    if (answer.alive) {
      // Half the time: a stall between the check and the use of a lease is covered by the other half.
      desk.trustUntil(sentAt + deadAfterMs / 2, answer.unheard);
      desk.recall(answer.recalls);
    } else {
      await this.#registerAgain(instanceId);
    }
    this.#recordUses();
    await priceLists.observe(answer, receivedAt);
  }

  /** No further heartbeat is sent; resolves when none is on its way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#beating;
    await this.#recording;
    if (this.#failures === 0) this.#recordUses();
    await this.#recording;
  }

  #answered(now: number, unheard: readonly number[]): void {
    const { life, events } = this.#parts;
    if (life.isAway) events.databaseBack(now - this.#answeredAt);
    life.isAway = false;
    life.heard(unheard);
    this.#answeredAt = now;
  }

  /** Of a heartbeat to all shards. A busy server may answer one of them too late: the next one tells. */
  #tellOfShards(now: number, unheard: number): void {
    const { events } = this.#parts;
    if (unheard > 0) {
      if (this.#unheard === 0) this.#unheardSince = now;
      this.#unheard += 1;
      if (this.#unheard === FAILURES) events.shardsAway(unheard);
      return;
    }
    if (this.#unheard >= FAILURES) events.shardsBack(now - this.#unheardSince);
    this.#unheard = 0;
  }

  #isAway(error: unknown): void {
    const { life, events } = this.#parts;
    if (life.isAway) return;
    life.isAway = true;
    events.databaseAway(error);
  }

  /**
   * Tells the database which keys were used, one batch at a time and beside the heartbeats. What fails is lost until the
   * key's next use is noted, and so is what an instance that dies had not told: it is a hint for people, and no request
   * waits for it.
   */
  #recordUses(): void {
    if (this.#recording !== undefined) return;
    const { ledger, keys, events } = this.#parts;
    const uses = keys.takeUses(MAX_USES);
    if (uses.length === 0) return;
    this.#recording = ledger
      .recordKeyUse(uses)
      .catch((error: unknown) => events.taskFailed("note keys' last use", error, false))
      .finally(() => {
        this.#recording = undefined;
      });
  }

  /** The leases are dropped before anything else can be promised from them. The ledger may have registered again itself. */
  async #registerAgain(deadId: string): Promise<void> {
    const { desk, ledger } = this.#parts;
    desk.dropLeasesOf(deadId);
    await ledger.register();
    desk.followInstance();
    this.#tellOfFence(ledger.instanceId);
  }

  /** A batch may have found it out first, and the ledger has another id already. */
  #tellOfFence(id: string): void {
    if (this.#toldId !== undefined && this.#toldId !== id) this.#parts.events.fenced();
    this.#toldId = id;
  }

  #schedule(): void {
    const { clock, isBusy, onTick } = this.#parts;
    this.#cancel = clock.after(BUSY_MS, () => {
      if (this.#stopped) return;
      this.#schedule();
      onTick();
      this.#ticks += 1;
      if (this.#beating !== undefined && this.#ticks === SILENT_TICKS) {
        this.#isAway(new Error(`a heartbeat was not answered within ${(BUSY_MS * SILENT_TICKS) / 1000} s`));
      }
      const isTime = this.#failures > 0 || isBusy() || clock.now() - this.#sentAt >= this.#idleMs;
      if (isTime) this.#beating ??= this.#beatQuietly();
    });
  }

  async #beatQuietly(): Promise<void> {
    this.#ticks = 0;
    try {
      await this.beat();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#parts.keys.doubt();
      this.#parts.events.heartbeatFailed(error);
      if (this.#failures >= FAILURES && isDatabaseAway(error)) this.#isAway(error);
    } finally {
      this.#beating = undefined;
    }
  }
}
