import { FareboxError } from "../domain/farebox-error.ts";
import { type LaneEvents, NO_LANE_EVENTS } from "./batch/lane-events.ts";
import { LANE_LIMITS, type LaneLimits } from "./batch/lane-limits.ts";
import { ShardLanes } from "./batch/lanes.ts";
import { isRepeat } from "./batch/repeat.ts";
import type { Database } from "./database/database.ts";
import { countServers } from "./database/distribute.ts";
import {
  abandonIdempotent,
  beginIdempotent,
  completeIdempotent,
  newIdempotencyOwner,
} from "./instance/idempotency.ts";
import { Instance } from "./instance/instance.ts";
import { News } from "./instance/news.ts";
import { RefusalTally } from "./instance/refusal-tally.ts";
import { recordKeyUse } from "./keys/key-use.ts";
import { findKey } from "./keys/keys.ts";
import type { Heartbeat, Ledger, LimitAnswer, LimitAsk, StoredResponse } from "./ledger.ts";
import { shareLimits } from "./limits/share-limits.ts";
import { readBalances } from "./pools/balances.ts";
import { refundCharge } from "./refunds/refund.ts";

export interface LedgerOptions {
  /** How many shards accounts are spread over; an account in another one is served too. */
  readonly shards: number;
  /** How long a completed Idempotency-Key can be replayed. */
  readonly idempotencyKeepSeconds: number;
  readonly limits?: Partial<LaneLimits>;
  readonly events?: LaneEvents;
}

/** A ledger, and its end. */
export interface LedgerHandle extends Ledger {
  /** Items that wait for a batch at this moment. */
  readonly queueLength: number;
  /** Counts refusals for the reports, and writes them when it is told to. */
  readonly refusals: RefusalTally;
  /** Whether others that are silent in a shard may be called dead: not when this instance was not heard there itself a moment ago. */
  isSteady(shard: number): boolean;
  /**
   * Waits for batches in flight, then gives all leases back. Rejects with FareboxError `storage_unavailable` when the
   * database does not answer in time: the other instances then give them back, once they have missed the heartbeats.
   */
  close(): Promise<void>;
}

/**
 * Registers this process as an instance. Of several servers one that answers is enough. Rejects with FareboxError `storage_unavailable`. The
 * database stays the caller's.
 */
export async function openLedger(database: Database, options: LedgerOptions): Promise<LedgerHandle> {
  const ledger = new InstanceLedger(database, options, await countServers(database));
  await ledger.start();
  return ledger;
}

class InstanceLedger extends ShardLanes implements LedgerHandle {
  readonly #database: Database;
  readonly #instance: Instance;
  readonly #news: News;
  readonly #options: LedgerOptions;
  readonly #limits: LaneLimits;
  readonly refusals: RefusalTally;
  #closed: Promise<void> | undefined;

  constructor(database: Database, options: LedgerOptions, servers: number) {
    const { idempotencyKeepSeconds } = options;
    const limits = { ...LANE_LIMITS, idempotencyKeepSeconds, ...options.limits };
    const instance = new Instance(database, servers);
    super(database, instance, limits, options.events ?? NO_LANE_EVENTS, servers);
    this.#database = database;
    this.#instance = instance;
    this.#news = new News(database);
    this.refusals = new RefusalTally(database, instance);
    this.#options = options;
    this.#limits = limits;
  }

  get instanceId(): string {
    return this.#instance.id;
  }

  async start(): Promise<void> {
    await this.#instance.start(Array.from({ length: this.#options.shards }, (_, shard) => shard));
  }

  async heartbeat(shards?: Iterable<number>): Promise<Heartbeat> {
    const [told, news] = await Promise.all([this.#instance.heartbeat(shards), this.#news.read()]);
    return { ...told, ...news };
  }

  isSteady(shard: number): boolean {
    return this.#instance.isSteady(shard);
  }

  register(): Promise<void> {
    return this.#instance.replace();
  }

  findKey(hashHex: string): ReturnType<Ledger["findKey"]> {
    return findKey(this.#database, hashHex);
  }

  shareLimits(shard: number, asks: readonly LimitAsk[]): Promise<LimitAnswer> {
    return shareLimits(this.#database, shard, this.instanceId, asks);
  }

  recordKeyUse(uses: Parameters<Ledger["recordKeyUse"]>[0]): Promise<void> {
    return recordKeyUse(this.#database, uses);
  }

  isRepeat(...[pool, endpoint, value]: Parameters<Ledger["isRepeat"]>): Promise<boolean> {
    return isRepeat(this.#database, pool, endpoint, value);
  }

  async beginIdempotent(
    ...[accountId, shard, key, requestHash]: Parameters<Ledger["beginIdempotent"]>
  ): ReturnType<Ledger["beginIdempotent"]> {
    // Whoever has no lane in the shard is taken for dead there.
    await this.#instance.register(shard);
    const owner = newIdempotencyOwner(this.#instance.id);
    return await beginIdempotent(this.#database, { accountId, shard, key }, requestHash, owner);
  }

  abandonIdempotent(accountId: string, shard: number, key: string, owner: string): Promise<void> {
    return abandonIdempotent(this.#database, { accountId, shard, key }, owner);
  }

  async completeIdempotent(
    accountId: string,
    shard: number,
    key: string,
    owner: string,
    response: StoredResponse,
  ): Promise<void> {
    const { idempotencyKeepSeconds } = this.#options;
    await completeIdempotent(
      this.#database,
      { accountId, shard, key },
      owner,
      response,
      idempotencyKeepSeconds,
    );
  }

  balances(accountId: string, shard: number): ReturnType<Ledger["balances"]> {
    return readBalances(this.#database, accountId, shard);
  }

  async refund(
    ...[pool, seq, amount, reason, reference]: Parameters<Ledger["refund"]>
  ): ReturnType<Ledger["refund"]> {
    const { refunded, balance } = await refundCharge(this.#database, {
      pool,
      seq,
      amount,
      reason,
      reference,
    });
    return { refunded, balance };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(closedLate()), this.#limits.closeWithinMs);
    });
    try {
      await Promise.race([this.drain().then(() => this.#instance.end()), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function closedLate(): FareboxError {
  return new FareboxError("storage_unavailable", "The leases could not be given back in time.", {
    retryable: true,
  });
}
