import type { CapWindow } from "../../domain/key-cap.ts";
import type { Parameter } from "../database/database.ts";
import type { ChargeItem, ChargeResult, HoldResult, LeaseResult, PoolRef } from "../ledger.ts";
import { BatchColumns } from "./batch-columns.ts";
import { at, type BatchDone } from "./batch-reply.ts";
import { BATCH_COLUMNS } from "./batch-statement.ts";
import { holdUnknown } from "./check-item.ts";
import type { ChargeWork, HoldWork, LeaseWork, ReleaseWork, Work } from "./lane-work.ts";

interface PlainCharge {
  readonly work: ChargeWork;
  readonly pool: number;
  /** Its number among the pool's plain charges, and the sum of these up to it. */
  readonly nth: number;
  readonly running: bigint;
}

interface Release {
  readonly work: ReleaseWork;
  readonly final: number;
  /** A client's hold: its place in the reply. A lease: the amount that went back. */
  readonly released: { readonly nth: number } | bigint;
}

/**
 * The parameters of one `run_batch` and the way back from its reply to the callers. Positions are from 1, as in SQL. What
 * several items share (pools, keys and endpoints, holds) is sent once, and charges come with their sums, so that the
 * database does one update and one insert for thousands of charges of one pool.
 */
export class Batch {
  readonly owner: string;
  readonly #columns = new BatchColumns();
  readonly #positions = new Map<string, number>();
  /** Sum of the plain charges so far, by pool. */
  readonly #running: bigint[] = [];
  readonly #plain: PlainCharge[] = [];
  readonly #free: { readonly work: ChargeWork; readonly final: number }[] = [];
  readonly #special: ChargeWork[] = [];
  readonly #leases: { readonly work: LeaseWork; readonly pool: number }[] = [];
  readonly #holds: { readonly work: HoldWork; readonly pool: number }[] = [];
  readonly #releases: Release[] = [];

  /** `owner`: the instance that sends it. What was queued under an earlier id has no lease any more. */
  constructor(works: readonly Work[], owner: string) {
    this.owner = owner;
    for (const work of works) {
      const pool = this.#pool(work.item.pool);
      const ownsLease = work.owner === owner;
      if (work.verb === "charge") this.#addCharge(work, pool, ownsLease);
      else if (work.verb === "lease") this.#addLease(work, pool, ownsLease);
      else if (work.verb === "hold") this.#addHold(work, pool);
      else this.#addRelease(work, pool, ownsLease);
    }
  }

  /** The pools that it touches, for `create_pools`. */
  get pools(): { readonly accounts: readonly string[]; readonly types: readonly string[] } {
    return { accounts: this.#columns.pAccount, types: this.#columns.pType };
  }

  /** `keepSeconds`: how long the responses in it can be replayed. */
  parameters(shard: number, number: number, keepSeconds: number): Parameter[] {
    return [shard, this.owner, number, keepSeconds, ...BATCH_COLUMNS.map((name) => this.#columns[name])];
  }

  /** Tells every caller its result. */
  settle(reply: BatchDone): void {
    const final = (index: number): bigint => BigInt(at(reply.final, index));
    this.#settleCharges(reply);
    for (const { work, final: index } of this.#free) {
      work.resolve({ ...NOTHING, balance: final(2 * index) }, this.owner);
    }
    for (const { work, final: index, released } of this.#releases) {
      const amount = typeof released === "bigint" ? released : BigInt(at(reply.released, released.nth));
      work.resolve({ released: amount, available: final(2 * index + 1) }, this.owner);
    }
    for (const [index, { work, pool }] of this.#leases.entries()) {
      work.resolve(readLease(reply, index, reply.recalled.includes(pool)), this.owner);
    }
    for (const [index, { work, pool }] of this.#holds.entries()) {
      const result = readHold(reply, index, reply.recalled.includes(pool));
      work.resolve(result, this.owner);
    }
  }

  #settleCharges(reply: BatchDone): void {
    const slow = new Set(reply.slow);
    let next = 0;
    for (const { work, pool, nth, running } of this.#plain) {
      if (slow.has(pool)) {
        settleCharge(work, reply, next++, this.owner);
      } else {
        const seq = at(reply.seq, pool - 1) + nth;
        const balance = BigInt(at(reply.balance, pool - 1)) - running;
        const charged = work.item.amount;
        work.resolve({ kind: "charged", seq, charged, uncollected: 0n, balance }, this.owner);
      }
    }
    for (const work of this.#special) settleCharge(work, reply, next++, this.owner);
  }

  #addCharge(work: ChargeWork, pool: number, ownsLease: boolean): void {
    const { item } = work;
    const isSpecial = typeof item.hold === "object" && item.hold !== null;
    const lease = item.hold === "lease" && ownsLease ? this.#lease(item.capKey, pool) : undefined;
    if (isSpecial || item.once !== undefined || item.idempotency !== undefined) {
      this.#addSpecial(work, pool, lease);
    } else if (item.amount === 0n) {
      this.#free.push({ work, final: this.#final(pool) });
    } else {
      this.#addPlain(work, pool, lease);
    }
  }

  /** `lease`: 0 the pool's, n the key's lease n; undefined: from the pool. */
  #addPlain(work: ChargeWork, pool: number, lease: number | undefined): void {
    const { item } = work;
    const c = this.#columns;
    const dim = this.#dimension(item, pool);
    const nth = increase(c.pCount, pool, 1);
    if (lease === undefined) add(c.pPoolTotal, pool, item.amount);
    else if (lease === 0) add(c.pLeaseTotal, pool, item.amount);
    else add(c.kTotal, lease, item.amount);
    add(this.#running, pool, item.amount);
    const running = sum(this.#running, pool);
    increase(c.dCount, dim, 1);
    add(c.dUnits, dim, BigInt(item.units));
    add(c.dCredits, dim, item.amount);
    c.cDim.push(dim);
    c.cSource.push(leaseSource(lease));
    c.cAmount.push(item.amount);
    c.cRunning.push(running);
    c.cNth.push(nth);
    c.cRequest.push(item.requestId);
    c.cUnits.push(item.units);
    c.cStatus.push(item.status);
    c.cList.push(item.priceList);
    this.#plain.push({ work, pool, nth, running });
  }

  #addSpecial(work: ChargeWork, pool: number, lease: number | undefined): void {
    const { item } = work;
    const c = this.#columns;
    const isClientHold = typeof item.hold === "object" && item.hold !== null;
    c.sDim.push(this.#dimension(item, pool));
    c.sSource.push(isClientHold ? this.#hold(pool, item.hold.id) : leaseSource(lease));
    c.sAmount.push(item.amount);
    c.sRequest.push(item.requestId);
    c.sUnits.push(item.units);
    c.sStatus.push(item.status);
    c.sList.push(item.priceList);
    c.sOnce.push(item.once === undefined ? 0 : this.#onceValue(item, item.once, pool));
    c.sIdempotency.push(
      item.idempotency === undefined ? 0 : this.#idempotency(item.idempotency, item.pool, pool),
    );
    this.#special.push(work);
  }

  #addLease(work: LeaseWork, pool: number, ownsLease: boolean): void {
    const c = this.#columns;
    const lease = this.#lease(work.item.capKey, pool);
    if (ownsLease) this.#giveBack(lease, pool, work.item.giveBack);
    c.lPool.push(pool);
    c.lKey.push(lease);
    c.lNeed.push(work.item.need);
    c.lWant.push(work.item.want);
    this.#leases.push({ work, pool });
  }

  #addHold(work: HoldWork, pool: number): void {
    const c = this.#columns;
    c.nHold.push(this.#hold(pool, work.item.id));
    c.nAmount.push(work.item.amount);
    c.nSeconds.push(work.item.ttlSeconds);
    this.#holds.push({ work, pool });
  }

  #addRelease(work: ReleaseWork, pool: number, ownsLease: boolean): void {
    const { item } = work;
    const final = this.#final(pool);
    if (item.hold === "lease") {
      if (ownsLease) this.#giveBack(this.#lease(item.capKey, pool), pool, item.amount);
      this.#releases.push({ work, final, released: ownsLease ? item.amount : 0n });
    } else {
      const nth = this.#columns.rHold.push(this.#hold(pool, item.hold.id)) - 1;
      this.#releases.push({ work, final, released: { nth } });
    }
  }

  #pool({ accountId, creditType }: PoolRef): number {
    return this.#position(`p\0${accountId}\0${creditType}`, () => {
      const c = this.#columns;
      for (const totals of [c.pBack, c.pLeaseTotal, c.pPoolTotal]) totals.push(0n);
      c.pCount.push(0);
      c.pType.push(creditType);
      return c.pAccount.push(accountId);
    });
  }

  /** 0 for the pool's lease, else the place of the key's. */
  #lease(capKey: string | undefined, pool: number): number {
    if (capKey === undefined) return 0;
    return this.#position(`k\0${pool}\0${capKey}`, () => {
      const c = this.#columns;
      c.kPool.push(pool);
      c.kBack.push(0n);
      c.kTotal.push(0n);
      return c.kKey.push(capKey);
    });
  }

  #giveBack(lease: number, pool: number, amount: bigint): void {
    if (lease === 0) add(this.#columns.pBack, pool, amount);
    else add(this.#columns.kBack, lease, amount);
  }

  #dimension({ keyId, endpoint }: ChargeItem, pool: number): number {
    return this.#position(`d\0${pool}\0${keyId}\0${endpoint}`, () => {
      const c = this.#columns;
      c.dKey.push(keyId);
      c.dEndpoint.push(endpoint);
      c.dCount.push(0);
      c.dUnits.push(0n);
      c.dCredits.push(0n);
      return c.dPool.push(pool);
    });
  }

  #hold(pool: number, id: string): number {
    return this.#position(`h\0${pool}\0${id}`, () => {
      this.#columns.hPool.push(pool);
      return this.#columns.hId.push(id);
    });
  }

  #onceValue(item: ChargeItem, once: NonNullable<ChargeItem["once"]>, pool: number): number {
    return this.#position(`o\0${item.pool.accountId}\0${item.endpoint}\0${once.value}`, () => {
      this.#columns.oEndpoint.push(item.endpoint);
      this.#columns.oValue.push(once.value);
      this.#columns.oSeconds.push(once.withinSeconds);
      return this.#columns.oPool.push(pool);
    });
  }

  #idempotency(given: NonNullable<ChargeItem["idempotency"]>, { accountId }: PoolRef, pool: number): number {
    return this.#position(`i\0${accountId}\0${given.key}`, () => {
      const c = this.#columns;
      const { status, headers, body } = given.response;
      c.iKey.push(given.key);
      c.iOwner.push(given.owner);
      c.iStatus.push(status);
      c.iHeaders.push(JSON.stringify(headers));
      c.iBody.push(body === null ? null : Buffer.from(body).toString("base64"));
      return c.iPool.push(pool);
    });
  }

  /** The place of a pool in the reply's `final`. */
  #final(pool: number): number {
    return this.#position(`f\0${pool}`, () => this.#columns.fPool.push(pool)) - 1;
  }

  #position(name: string, append: () => number): number {
    let position = this.#positions.get(name);
    if (position === undefined) {
      position = append();
      this.#positions.set(name, position);
    }
    return position;
  }
}

const NOTHING = { kind: "charged", seq: null, charged: 0n, uncollected: 0n } as const;

function settleCharge(work: ChargeWork, reply: BatchDone, index: number, owner: string): void {
  const [kinds, seqs, charged, uncollected, balances] = reply.charges;
  const kind = at(kinds, index);
  if (kind === "unknown") {
    work.reject(holdUnknown(work.item));
    return;
  }
  const result: ChargeResult = {
    kind,
    seq: at(seqs, index),
    charged: BigInt(at(charged, index)),
    uncollected: BigInt(at(uncollected, index)),
    balance: BigInt(at(balances, index)),
  };
  work.resolve(result, owner);
}

/** How SQL names what a charge draws from; a client's hold is a number above 0. */
function leaseSource(lease: number | undefined): number {
  return lease === undefined ? 0 : -1 - lease;
}

const CAP_WINDOW: readonly (CapWindow | undefined)[] = [undefined, "day", "month", "total"];

function readLease(reply: BatchDone, index: number, recalled: boolean): LeaseResult {
  const [granted, available, balance, next, windows, caps, resets] = reply.leases;
  const window = CAP_WINDOW[at(windows, index)];
  return {
    granted: BigInt(at(granted, index)),
    available: BigInt(at(available, index)),
    balance: BigInt(at(balance, index)),
    nextEventMs: at(next, index),
    recalled: at(granted, index) === 0 && recalled,
    ...(window && { cap: { window, amount: BigInt(at(caps, index) ?? 0), resetMs: at(resets, index) } }),
  };
}

function readHold(reply: BatchDone, index: number, recalled: boolean): HoldResult {
  const [kinds, availables, expiries] = reply.holds;
  const kind = at(kinds, index);
  const available = BigInt(at(availables, index));
  if (kind === "held") return { kind, available, expiresAt: new Date(at(expiries, index) ?? 0) };
  if (kind === "insufficient") return { kind, available, recalled };
  return { kind: "conflict", state: kind };
}

function add(column: bigint[], position: number, amount: bigint): void {
  column[position - 1] = sum(column, position) + amount;
}

function sum(column: readonly bigint[], position: number): bigint {
  return column[position - 1] ?? 0n;
}

function increase(column: number[], position: number, by: number): number {
  const value = (column[position - 1] ?? 0) + by;
  column[position - 1] = value;
  return value;
}
