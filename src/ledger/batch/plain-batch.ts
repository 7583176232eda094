import type { Parameter, Statement } from "../database/database.ts";
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
    const first = [0];
    const totals: bigint[] = [];
    const backs: bigint[] = [];
    const leases: bigint[] = [];
    const charges = new ChargeColumns();
    for (const [index, pool] of this.#pools.entries()) {
      accounts.push(pool.accountNo);
      types.push(pool.typeNo);
      totals.push(pool.total);
      backs.push(pool.back);
      leases.push(pool.lease);
      charges.add(index + 1, pool.charges, this.#numbers);
      first.push(charges.pool.length);
    }
    return [
      shard,
      this.instanceNo,
      number,
      accounts,
      types,
      first,
      totals,
      backs,
      leases,
      ...charges.inOrder(),
    ];
  }

  settle(reply: string): Leftovers {
    const general: Work[] = [];
    const [seqs, balances, availables, nexts] = reply.split(";").map((list) => list.split(","));
    for (const [index, pool] of this.#pools.entries()) {
      const seq = at(seqs ?? [], index);
      if (seq === "") {
        general.push(
          ...pool.charges,
          ...pool.releases,
          ...(pool.leaseWork === undefined ? [] : [pool.leaseWork]),
        );
        continue;
      }
      const balance = BigInt(at(balances ?? [], index));
      settleCharges(pool, Number(seq), balance);
      const available = BigInt(at(availables ?? [], index));
      for (const { item, owner, resolve } of pool.releases)
        resolve({ released: item.amount, available }, owner);
      if (pool.leaseWork !== undefined) {
        const next = at(nexts ?? [], index);
        pool.leaseWork.resolve(
          {
            granted: pool.lease,
            available,
            balance: balance - pool.total,
            nextEventMs: next === "" ? null : Number(next),
            recalled: false,
          },
          pool.leaseWork.owner,
        );
      }
    }
    return { general: [...general, ...this.#left], busy: [] };
  }
}

/** The arrays of charges, with the sum of a pool's up to each. */
class ChargeColumns {
  readonly pool: number[] = [];
  readonly #key: number[] = [];
  readonly #endpoint: number[] = [];
  readonly #amount: bigint[] = [];
  readonly #running: bigint[] = [];
  readonly #request: string[] = [];
  readonly #units: number[] = [];
  readonly #status: number[] = [];
  readonly #list: number[] = [];

  add(pool: number, charges: readonly ChargeWork[], numbers: Numbers): void {
    let running = 0n;
    for (const { item } of charges) {
      running += item.amount;
      this.pool.push(pool);
      this.#key.push(numbers.keyOf(item.keyId) ?? 0);
      this.#endpoint.push(numbers.endpointOf(item.endpoint));
      this.#amount.push(item.amount);
      this.#running.push(running);
      this.#request.push(item.requestId);
      this.#units.push(item.units);
      this.#status.push(item.status);
      this.#list.push(item.priceList);
    }
  }

  inOrder(): Parameter[] {
    return [
      this.pool,
      this.#key,
      this.#endpoint,
      this.#amount,
      this.#running,
      this.#request,
      this.#units,
      this.#status,
      this.#list,
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

function settleCharges(pool: PlainPool, seq: number, balance: bigint): void {
  let left = balance;
  for (const [nth, { item, owner, resolve }] of pool.charges.entries()) {
    left -= item.amount;
    resolve(
      { kind: "charged", seq: seq + nth + 1, charged: item.amount, uncollected: 0n, balance: left },
      owner,
    );
  }
}
