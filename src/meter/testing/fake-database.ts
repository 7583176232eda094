import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type {
  ChargeItem,
  Heartbeat,
  KeyRecord,
  KeyUse,
  LimitAnswer,
  LimitAsk,
  PoolRef,
  StoredResponse,
} from "../../ledger/ledger.ts";
import type { MeterClock } from "../meter-clock.ts";

export interface FakeEntry {
  readonly kind: "charge" | "refund";
  readonly seq: number;
  readonly amount: Credits;
  readonly requestId: string;
  readonly item?: ChargeItem;
}

export interface FakePool {
  balance: Credits;
  readonly leases: Map<string, Credits>;
  readonly entries: FakeEntry[];
  /** By the clock; something is due then. */
  nextEventAt: number | null;
}

interface FakeIdempotencyKey {
  readonly requestHash: string;
  owner: string;
  response: StoredResponse | undefined;
}

interface FakeInstance {
  alive: boolean;
  readonly recalls: PoolRef[];
  readonly changedKeys: string[];
}

/**
 * What several fake ledgers share: pools, keys and instances, with the decisions of the ledger's SQL but no SQL. It can be
 * down (calls are refused), deaf (calls wait) or mute (calls take effect, their answers wait).
 */
export class FakeDatabase {
  state: "up" | "down" | "deaf" | "mute" = "up";
  readonly clock: MeterClock;
  readonly keys = new Map<string, KeyRecord & { readonly expiresAt?: number }>();
  readonly keyUses: KeyUse[] = [];
  readonly instances = new Map<string, FakeInstance>();
  readonly onceUntil = new Map<string, number>();
  readonly idempotency = new Map<string, FakeIdempotencyKey>();
  priceList: Heartbeat["priceList"] = 1;
  next: { readonly version: number; readonly at: number } | null = null;
  /** The shards that each heartbeat went to. */
  readonly beaten: string[] = [];
  /** Shards whose server is away while the others are there. */
  silentShards: readonly number[] = [];
  /** How often each method was called. */
  readonly calls = new Map<string, number>();
  /** Who has how many places, and until when, by subject and rule. */
  readonly places = new Map<string, Map<string, { readonly count: number; readonly until: number }>>();
  readonly #pools = new Map<string, FakePool>();
  #waiting: (() => void)[] = [];

  constructor(clock: MeterClock) {
    this.clock = clock;
  }

  pool({ accountId, creditType }: Pick<PoolRef, "accountId" | "creditType">): FakePool {
    const name = `${accountId} ${creditType}`;
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = { balance: 0n, leases: new Map(), entries: [], nextEventAt: null };
      this.#pools.set(name, pool);
    }
    return pool;
  }

  held(pool: FakePool): Credits {
    return [...pool.leases.values()].reduce((sum, amount) => sum + amount, 0n);
  }

  available(pool: FakePool): Credits {
    return pool.balance - this.held(pool);
  }

  addKey(hashHex: string, record: Partial<KeyRecord> & { readonly expiresAt?: number } = {}): void {
    const defaults = { keyId: "key_1", accountId: "acc_1", shard: 0, name: "", state: "active" } as const;
    const open = {
      expiresInMs: null,
      accountState: "active",
      scopes: null,
      addresses: null,
      capped: [],
      plan: null,
      priceList: null,
      planLimits: [],
      changesInMs: null,
    } as const;
    this.keys.set(hashHex, { ...defaults, ...open, ...record });
    for (const instance of this.instances.values()) instance.changedKeys.push(hashHex);
  }

  /** Declares an instance dead: its leases go back. */
  kill(instanceId: string): void {
    const instance = this.instances.get(instanceId);
    if (instance !== undefined) instance.alive = false;
    for (const pool of this.#pools.values()) pool.leases.delete(instanceId);
  }

  shareLimits(owner: string, asks: readonly LimitAsk[]): LimitAnswer {
    const now = this.clock.now();
    const answers = asks.map(({ subject, rule, limit, seconds, have, want }) => {
      const name = `${subject} ${rule}`;
      const shares = this.places.get(name) ?? new Map<string, { count: number; until: number }>();
      this.places.set(name, shares);
      let others = 0;
      for (const [other, { count, until }] of shares) {
        if (until <= now) shares.delete(other);
        else if (other !== owner) others += count;
      }
      const left = Math.max(0, limit - others - have);
      const granted = Math.min(want, left);
      shares.set(owner, { count: have + granted, until: now + seconds * 1_000 });
      return { granted, left: left - granted };
    });
    const alive = [...this.instances.values()].filter((instance) => instance.alive);
    return { answers, instances: Math.max(1, alive.length) };
  }

  charges(accountId: string, creditType = "credits"): readonly FakeEntry[] {
    return this.pool({ accountId, creditType }).entries;
  }

  /** Lets calls and answers through that wait. */
  recover(): void {
    this.state = "up";
    for (const resume of this.#waiting.splice(0)) resume();
  }

  async call<T>(method: string, apply: () => T): Promise<T> {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    // A call is applied a moment after it was made, in the order of the calls.
    await Promise.resolve();
    if (this.state === "down") throw storageUnavailable();
    if (this.state === "deaf") await this.#wait();
    const result = apply();
    await Promise.resolve();
    if (this.state === "mute") await this.#wait();
    return result;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function storageUnavailable(): FareboxError {
  return new FareboxError("storage_unavailable", "the database does not answer", { retryable: true });
}
