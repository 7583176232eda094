import type { Parameter, Statement } from "../database/database.ts";
import { int2Array, int4Array, int8Array, uuidArray } from "../database/wire/binary-arrays.ts";
import type { Numbers } from "../instance/numbers.ts";
import type { ChargeItem, LeaseItem, ReleaseItem } from "../ledger.ts";
import { at, type Batch, type Leftovers } from "./batch.ts";
import type { ChargeWork, LeaseWork, ReleaseWork, Work } from "./lane-work.ts";
import { PoolGroups } from "./pool-groups.ts";

type PlainWork = ChargeWork | LeaseWork | ReleaseWork;

interface PlainPool {
  readonly accountNo: number;
  readonly typeNo: number;
  total: bigint;
  back: bigint;
  /** What is added to the lease, in full or not at all. */
  lease: bigint;
  readonly charges: ChargeWork[];
  leaseWork: LeaseWork | undefined;
  readonly releases: ReleaseWork[];
}

/**
 * The shard, the instance and the batch's number, then the arrays of `farebox.run_plain`, in order, with their types; see the
 * migration, where arrays whose names start with the same letter belong together.
 */
const TYPES = [
  "smallint",
  "int",
  "bigint",
  "int[]",
  "smallint[]",
  "int[]",
  "int[]",
  "bigint[]",
  "bigint[]",
  "bigint[]",
  "int[]",
  "int[]",
  "int[]",
  "bigint[]",
  "bigint[]",
  "uuid[]",
  "int[]",
  "smallint[]",
  "int[]",
] as const;

/** Parsed once per connection. */
const RUN_PLAIN: Statement = {
  name: "run-plain",
  isUrgent: true,
  text: `SELECT farebox.run_plain(${TYPES.map((type, index) => `$${index + 1}::${type}`).join(", ")}) AS reply`,
};

/** Whether an item may be in a plain batch: it draws on, enlarges or gives back a pool's lease of this instance, and nothing else. */
export function isPlain(work: Work, instanceId: string): work is PlainWork {
  if (work.owner !== instanceId) return false;
  if (work.verb === "charge") return isPlainCharge(work.item);
  if (work.verb === "hold") return false;
  const isLease = work.verb === "lease" || work.item.hold === "lease";
  return isLease && work.item.capKey === undefined;
}

function isPlainCharge(item: ChargeItem): boolean {
  return (
    item.hold === "lease" &&
    item.capKey === undefined &&
    item.most === undefined &&
    item.measured === undefined &&
    item.once === undefined &&
    item.idempotency === undefined &&
    item.amount > 0n
  );
}

/** The hot path: what the leases of an instance cover, on pools on which nothing else happens. */
export class PlainBatch implements Batch {
  readonly kind = "plain";
  readonly instanceNo: number;
  readonly statement = RUN_PLAIN;
  readonly #numbers: Numbers;
  readonly #pools: readonly PlainPool[];
  /** A second enlargement of one lease. */
  readonly #left: LeaseWork[] = [];

  /** The numbers of everything that the items name are known. */
  constructor(works: readonly PlainWork[], instanceNo: number, numbers: Numbers) {
    this.instanceNo = instanceNo;
    this.#numbers = numbers;
    const groups = new PoolGroups(numbers, newPool);
    for (const work of works) {
      const pool = groups.of(work.item.pool);
      if (work.verb === "charge") addCharge(pool, work);
      else if (work.verb === "release") addRelease(pool, work);
      else if (pool.leaseWork === undefined) addLease(pool, work);
      else this.#left.push(work);
    }
    this.#pools = groups.sorted();
  }

  parameters(shard: number, number: number): Parameter[] {
    const accounts: number[] = [];
    const types: number[] = [];
    const counts: number[] = [];
    const lasts: number[] = [];
    const totals: bigint[] = [];
    const drawn: bigint[] = [];
    const moved: bigint[] = [];
    const charges = new ChargeColumns();
    for (const [index, pool] of this.#pools.entries()) {
      accounts.push(pool.accountNo);
      types.push(pool.typeNo);
      charges.add(index + 1, pool, this.#numbers);
      counts.push(pool.charges.length);
      lasts.push(charges.pool.length);
      totals.push(pool.total);
      drawn.push(pool.total + pool.back);
      moved.push(pool.total + pool.back - pool.lease);
    }
    return [
      shard,
      this.instanceNo,
      number,
      int4Array(accounts),
      int2Array(types),
      int4Array(counts),
      int4Array(lasts),
      int8Array(totals),
      int8Array(drawn),
      int8Array(moved),
      ...charges.inOrder(),
    ];
  }

  settle(reply: string): Leftovers {
    const general: Work[] = [];
    const [seqs = [], balances = [], availables = [], nexts = []] = reply
      .split(";")
      .map((list) => list.split(","));
    let first = 0;
    for (const [index, pool] of this.#pools.entries()) {
      const seq = seqs[index] ?? "";
      if (seq === "") general.push(...worksOf(pool));
      else {
        const balance = BigInt(at(balances, index));
        const available = BigInt(at(availables, index));
        tellCharges(pool, Number(seq) + first, balance);
        for (const { item, owner, resolve } of pool.releases)
          resolve({ released: item.amount, available }, owner);
        pool.leaseWork?.resolve(
          {
            granted: pool.lease,
            available,
            balance,
            nextEventMs: findNext(nexts, index),
            recalled: false,
          },
          pool.leaseWork.owner,
        );
      }
      first += pool.charges.length;
    }
    return { general: [...general, ...this.#left], busy: [] };
  }
}

function worksOf({ charges, releases, leaseWork }: PlainPool): Work[] {
  return [...charges, ...releases, ...(leaseWork === undefined ? [] : [leaseWork])];
}

/** Of pairs: the place of a pool, from 1, and milliseconds. */
function findNext(pairs: readonly string[], index: number): number | null {
  const place = String(index + 1);
  const found = pairs.findIndex((value, nth) => nth % 2 === 0 && value === place);
  return found === -1 ? null : Number(pairs[found + 1]);
}

/** The arrays of charges, with the sum of a pool's up to each. */
class ChargeColumns {
  readonly pool: number[] = [];
  readonly #key: number[] = [];
  readonly #endpoint: number[] = [];
  readonly #amount: bigint[] = [];
  readonly #rest: bigint[] = [];
  readonly #request: string[] = [];
  readonly #units: number[] = [];
  readonly #status: number[] = [];
  readonly #list: number[] = [];

  add(pool: number, { charges, total }: PlainPool, numbers: Numbers): void {
    let rest = total;
    for (const { item } of charges) {
      rest -= item.amount;
      this.pool.push(pool);
      this.#key.push(numbers.keyOf(item.keyId) ?? 0);
      this.#endpoint.push(numbers.endpointOf(item.endpoint));
      this.#amount.push(item.amount);
      this.#rest.push(rest);
      this.#request.push(item.requestId);
      this.#units.push(item.units);
      this.#status.push(item.status);
      this.#list.push(item.priceList);
    }
  }

  inOrder(): Parameter[] {
    return [
      int4Array(this.pool),
      int4Array(this.#key),
      int4Array(this.#endpoint),
      int8Array(this.#amount),
      int8Array(this.#rest),
      uuidArray(this.#request),
      int4Array(this.#units),
      int2Array(this.#status),
      int4Array(this.#list),
    ];
  }
}

function newPool(accountNo: number, typeNo: number): PlainPool {
  return {
    accountNo,
    typeNo,
    total: 0n,
    back: 0n,
    lease: 0n,
    charges: [],
    leaseWork: undefined,
    releases: [],
  };
}

function addCharge(pool: PlainPool, work: ChargeWork): void {
  pool.total += work.item.amount;
  pool.charges.push(work);
}

function addRelease(pool: PlainPool, work: ReleaseWork): void {
  const { amount }: ReleaseItem = work.item;
  pool.back += amount;
  pool.releases.push(work);
}

function addLease(pool: PlainPool, work: LeaseWork): void {
  const { giveBack, need, want }: LeaseItem = work.item;
  pool.back += giveBack;
  pool.lease = want > need ? want : need;
  pool.leaseWork = work;
}

/** `seq`: of the entry before the first charge's. `balance`: after the last. */
function tellCharges({ charges, total }: PlainPool, seq: number, balance: bigint): void {
  let left = balance + total;
  for (const [nth, { item, owner, resolve }] of charges.entries()) {
    left -= item.amount;
    resolve(
      { kind: "charged", seq: seq + nth + 1, charged: item.amount, uncollected: 0n, balance: left },
      owner,
    );
  }
}
