import type { Credits } from "../../domain/credits.ts";
import type {
  ChargeItem,
  ChargeResult,
  Heartbeat,
  HoldResult,
  IdempotentStart,
  KeyRecord,
  KeyUse,
  LeaseItem,
  LeaseResult,
  Ledger,
  LimitAnswer,
  LimitAsk,
  PoolBalance,
  PoolRef,
  ReleaseItem,
  ReleaseResult,
  StoredResponse,
} from "../../ledger/ledger.ts";
import type { FakeDatabase, FakePool } from "./fake-database.ts";

let instances = 0;

/** One instance's ledger on a fake database; faithful in what it decides. */
export class FakeLedger implements Ledger {
  instanceId = "";
  readonly #database: FakeDatabase;
  #runs = 0;

  constructor(database: FakeDatabase) {
    this.#database = database;
    this.#enroll();
  }

  heartbeat(shards?: Iterable<number>): Promise<Heartbeat> {
    this.#database.beaten.push(shards === undefined ? "all" : [...shards].join());
    return this.#database.call("heartbeat", () => {
      const { clock, priceList, next, instances: all } = this.#database;
      const me = all.get(this.instanceId);
      if (next !== null && clock.now() >= next.at) {
        this.#database.priceList = next.version;
        this.#database.next = null;
      }
      return {
        alive: me?.alive ?? false,
        recalls: me?.recalls.splice(0) ?? [],
        unheard: [...this.#database.silentShards],
        changedKeys: me?.changedKeys.splice(0) ?? [],
        priceList: this.#database.next === next ? priceList : this.#database.priceList,
        nextPriceList:
          this.#database.next === null
            ? null
            : { version: this.#database.next.version, inMs: this.#database.next.at - clock.now() },
      };
    });
  }

  register(): Promise<void> {
    return this.#database.call("register", () => this.#enroll());
  }

  findKey(hashHex: string): Promise<KeyRecord | undefined> {
    return this.#database.call("findKey", () => {
      const record = this.#database.keys.get(hashHex);
      if (record?.expiresAt === undefined) return record;
      return { ...record, expiresInMs: record.expiresAt - this.#database.clock.now() };
    });
  }

  shareLimits(_shard: number, asks: readonly LimitAsk[]): Promise<LimitAnswer> {
    return this.#database.call("shareLimits", () => this.#database.shareLimits(this.instanceId, asks));
  }

  recordKeyUse(uses: readonly KeyUse[]): Promise<void> {
    return this.#database.call("recordKeyUse", () => {
      this.#database.keyUses.push(...uses);
    });
  }

  charge(item: ChargeItem): Promise<ChargeResult> {
    return this.#database.call("charge", () => {
      const pool = this.#database.pool(item.pool);
      const kind = this.#kindOf(item);
      const available = this.#database.available(pool);
      if (kind === "charged" && item.whole === true && item.amount > available) {
        const shortage = { available, recalled: this.#recall(pool, item.pool, undefined) };
        const nothing = { seq: null, charged: 0n, uncollected: 0n, balance: pool.balance };
        return { kind: "short", ...nothing, shortage };
      }
      const charged = kind === "charged" ? this.#take(pool, item) : 0n;
      const written = kind === "charged" && item.amount > 0n;
      if (written) {
        const seq = pool.entries.length + 1;
        pool.entries.push({ kind: "charge", seq, amount: charged, requestId: item.requestId, item });
      }
      if (charged > 0n && item.once !== undefined) {
        const until = this.#database.clock.now() + item.once.withinSeconds * 1_000;
        this.#database.onceUntil.set(onceName(item.pool, item.endpoint, item.once.value), until);
      }
      const stored =
        item.idempotency &&
        this.#database.idempotency.get(idemName(item.pool.accountId, item.idempotency.key));
      if (stored !== undefined && stored.response === undefined) stored.response = item.idempotency?.response;
      return {
        kind,
        seq: written ? pool.entries.length : null,
        charged,
        uncollected: written ? item.amount - charged : 0n,
        balance: pool.balance,
      };
    });
  }

  lease(item: LeaseItem): Promise<LeaseResult> {
    return this.#database.call("lease", () => {
      const me = this.#database.instances.get(this.instanceId);
      if (me?.alive !== true) this.#enroll();
      const pool = this.#database.pool(item.pool);
      this.#giveBack(pool, item.giveBack);
      const available = this.#database.available(pool);
      const eighth = available / 8n;
      const granted = available < item.need ? 0n : largest(item.need, smallest(item.want, eighth));
      pool.leases.set(this.instanceId, (pool.leases.get(this.instanceId) ?? 0n) + granted);
      const recalled = available < item.need && this.#recall(pool, item.pool, this.instanceId);
      const { nextEventAt } = pool;
      return {
        granted,
        available: this.#database.available(pool),
        balance: pool.balance,
        nextEventMs: nextEventAt === null ? null : Math.max(0, nextEventAt - this.#database.clock.now()),
        recalled,
        owner: this.instanceId,
      };
    });
  }

  hold(): Promise<HoldResult> {
    throw new Error("the meter takes no client holds");
  }

  release(item: ReleaseItem): Promise<ReleaseResult> {
    return this.#database.call("release", () => {
      const pool = this.#database.pool(item.pool);
      const released = this.#giveBack(pool, item.amount);
      return { released, available: this.#database.available(pool) };
    });
  }

  isRepeat(pool: PoolRef, endpoint: string, value: string): Promise<boolean> {
    return this.#database.call("isRepeat", () => this.#isRepeat(pool, endpoint, value));
  }

  beginIdempotent(
    accountId: string,
    _shard: number,
    key: string,
    requestHash: string,
  ): Promise<IdempotentStart> {
    return this.#database.call("beginIdempotent", (): IdempotentStart => {
      const found = this.#database.idempotency.get(idemName(accountId, key));
      if (found === undefined) {
        const owner = `${this.instanceId}/${++this.#runs}`;
        this.#database.idempotency.set(idemName(accountId, key), { requestHash, owner, response: undefined });
        return { kind: "begun", owner };
      }
      if (found.requestHash !== requestHash) return { kind: "mismatch" };
      return found.response === undefined ? { kind: "running" } : { kind: "done", response: found.response };
    });
  }

  abandonIdempotent(accountId: string, _shard: number, key: string, owner: string): Promise<void> {
    return this.#database.call("abandonIdempotent", () => {
      const found = this.#database.idempotency.get(idemName(accountId, key));
      if (found?.owner === owner && found.response === undefined) {
        this.#database.idempotency.delete(idemName(accountId, key));
      }
    });
  }

  completeIdempotent(
    accountId: string,
    _shard: number,
    key: string,
    owner: string,
    response: StoredResponse,
  ): Promise<void> {
    return this.#database.call("completeIdempotent", () => {
      const found = this.#database.idempotency.get(idemName(accountId, key));
      if (found?.owner === owner) found.response ??= response;
    });
  }

  balances(accountId: string): Promise<readonly PoolBalance[]> {
    return this.#database.call("balances", () => {
      const pool = this.#database.pool({ accountId, creditType: "credits" });
      const { balance } = pool;
      return [
        {
          creditType: "credits",
          balance,
          held: this.#database.held(pool),
          spent: 0n,
          recurring: null,
          grants: [],
        },
      ];
    });
  }

  refund(ref: PoolRef, seq: number, _amount: Credits | "all", _reason: string, reference: string) {
    return this.#database.call("refund", () => {
      const pool = this.#database.pool(ref);
      const charge = pool.entries.find((entry) => entry.seq === seq);
      const done = pool.entries.some((entry) => entry.kind === "refund" && entry.requestId === reference);
      const refunded = done ? 0n : (charge?.amount ?? 0n);
      if (!done) {
        pool.balance += refunded;
        const next = pool.entries.length + 1;
        pool.entries.push({ kind: "refund", seq: next, amount: -refunded, requestId: reference });
      }
      return { refunded, balance: pool.balance };
    });
  }

  #enroll(): void {
    this.instanceId = `ins_${++instances}`;
    this.#database.instances.set(this.instanceId, { alive: true, recalls: [], changedKeys: [] });
  }

  #kindOf(item: ChargeItem): ChargeResult["kind"] {
    const { idempotency, once, pool, endpoint } = item;
    if (idempotency !== undefined) {
      const found = this.#database.idempotency.get(idemName(pool.accountId, idempotency.key));
      if (found?.response !== undefined) return "superseded";
    }
    return once !== undefined && this.#isRepeat(pool, endpoint, once.value) ? "repeat" : "charged";
  }

  #isRepeat(pool: PoolRef, endpoint: string, value: string): boolean {
    return (this.#database.onceUntil.get(onceName(pool, endpoint, value)) ?? 0) > this.#database.clock.now();
  }

  #take(pool: FakePool, item: ChargeItem): Credits {
    const leased = item.hold === "lease" ? (pool.leases.get(this.instanceId) ?? 0n) : 0n;
    const most = smallest(item.amount, item.most ?? item.amount);
    const fromLease = smallest(most, leased);
    const fromPool = smallest(most - fromLease, this.#database.available(pool));
    if (fromLease > 0n) pool.leases.set(this.instanceId, leased - fromLease);
    pool.balance -= fromLease + fromPool;
    return fromLease + fromPool;
  }

  #giveBack(pool: FakePool, amount: Credits): Credits {
    const leased = pool.leases.get(this.instanceId) ?? 0n;
    const given = smallest(amount, leased);
    pool.leases.set(this.instanceId, leased - given);
    return given;
  }

  /** `asker`: whose own lease is not recalled. */
  #recall(pool: FakePool, ref: PoolRef, asker: string | undefined): boolean {
    let recalled = false;
    for (const [owner, amount] of pool.leases) {
      if (owner === asker || amount === 0n) continue;
      this.#database.instances.get(owner)?.recalls.push(ref);
      recalled = true;
    }
    return recalled;
  }
}

const onceName = (pool: PoolRef, endpoint: string, value: string): string =>
  `${pool.accountId} ${endpoint} ${value}`;
const idemName = (accountId: string, key: string): string => `${accountId} ${key}`;
const smallest = (one: Credits, other: Credits): Credits => (one < other ? one : other);
const largest = (one: Credits, other: Credits): Credits => (one > other ? one : other);
