import type { Parameter, Statement } from "../database/database.ts";
import type { Numbers } from "../instance/numbers.ts";
import type { ChargeItem } from "../ledger.ts";
import { at, type Batch, type Leftovers } from "./batch.ts";
import type { GeneralPool } from "./general-pool.ts";
import { type PoolReply, settlePool } from "./general-reply.ts";
import type { ChargeWork, Work } from "./lane-work.ts";
import { PoolGroups } from "./pool-groups.ts";
import { renderMeasured } from "./render-measured.ts";

const RUN_BATCH: Statement = {
  name: "run-batch",
  isUrgent: true,
  text: "SELECT farebox.run_batch($1::smallint, $2::int, $3::bigint, $4::boolean, $5::int, $6::jsonb) AS reply",
};

export interface GeneralOptions {
  readonly instanceId: string;
  readonly instanceNo: number;
  readonly numbers: Numbers;
  /** Pass locked pools by. */
  readonly skip: boolean;
  /** For how long the responses in it can be replayed. */
  readonly keepSeconds: number;
}

/** A batch of anything, pool by pool: `farebox.run_batch` describes what is sent and what comes back. */
export class GeneralBatch implements Batch {
  readonly kind = "general";
  readonly instanceNo: number;
  readonly statement = RUN_BATCH;
  readonly #options: GeneralOptions;
  readonly #pools: readonly GeneralPool[];

  /** The numbers of everything that the items name are known. */
  constructor(works: readonly Work[], options: GeneralOptions) {
    this.instanceNo = options.instanceNo;
    this.#options = options;
    const groups = new PoolGroups(options.numbers, newPool);
    for (const work of works) this.#add(groups.of(work.item.pool), work);
    this.#pools = groups.sorted();
  }

  /** The pools that it touches, for `create_pools`. */
  get pools(): { readonly accounts: readonly number[]; readonly types: readonly number[] } {
    return {
      accounts: this.#pools.map(({ accountNo }) => accountNo),
      types: this.#pools.map(({ typeNo }) => typeNo),
    };
  }

  parameters(shard: number, number: number): Parameter[] {
    const { skip, keepSeconds } = this.#options;
    const batch = JSON.stringify(
      this.#pools.map((pool) => this.#render(pool)),
      // Amounts are below 2^53, so JSON's numbers hold them exactly.
      (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value),
    );
    return [shard, this.instanceNo, number, skip, keepSeconds, batch];
  }

  settle(reply: string): Leftovers {
    const { s, pools }: { s: string; pools: readonly (PoolReply | null)[] } = JSON.parse(reply);
    if (s !== "done") throw new Error(`run_batch answered ${reply}`);
    const busy: Work[] = [];
    for (const [index, pool] of this.#pools.entries()) {
      const answer = at(pools, index);
      if (answer === null) busy.push(...worksOf(pool));
      else settlePool(pool, answer, this.#options.instanceId);
    }
    return { general: [], busy };
  }

  #add(pool: GeneralPool, work: Work): void {
    // What was queued under an earlier id has no lease any more.
    const ownsLease = work.owner === this.#options.instanceId;
    if (work.verb === "charge") this.#addCharge(pool, work, ownsLease);
    else if (work.verb === "hold") pool.holds.push(work);
    else if (work.verb === "lease") {
      if (ownsLease && work.item.giveBack > 0n)
        pool.backs.push([this.#keyOf(work.item.capKey), work.item.giveBack]);
      pool.leases.push(work);
    } else if (work.item.hold === "lease") {
      if (ownsLease) pool.backs.push([this.#keyOf(work.item.capKey), work.item.amount]);
      pool.returns.push({ work, released: ownsLease ? work.item.amount : 0n });
    } else {
      pool.releases.push(work);
    }
  }

  #addCharge(pool: GeneralPool, work: ChargeWork, ownsLease: boolean): void {
    const { item } = work;
    if (isSpecial(item)) {
      pool.specials.push({ work, ownsLease });
    } else if (item.amount === 0n) {
      pool.free.push(work);
    } else {
      const lease = item.hold === "lease" && ownsLease;
      const key = lease ? this.#keyOf(item.capKey) : 0;
      const name = `${lease} ${key}`;
      const group = pool.groups.get(name);
      if (group === undefined) pool.groups.set(name, { key, lease, works: [work] });
      else group.works.push(work);
    }
  }

  #keyOf(capKey: string | undefined): number {
    return capKey === undefined ? 0 : (this.#options.numbers.keyOf(capKey) ?? 0);
  }

  #render(pool: GeneralPool): unknown {
    return {
      account: pool.accountNo,
      type: pool.typeNo,
      backs: pool.backs,
      releases: pool.releases.map(({ item }) => (item.hold === "lease" ? "" : item.hold.id)),
      groups: Array.from(pool.groups.values(), ({ key, lease, works }) => ({
        key,
        lease,
        charges: works.map(({ item }) => this.#renderCharge(item)),
      })),
      specials: pool.specials.map(({ work, ownsLease }) => this.#renderSpecial(work.item, ownsLease)),
      leases: pool.leases.map(({ item }) => [this.#keyOf(item.capKey), item.need, item.want]),
      holds: pool.holds.map(({ item }) => [item.id, item.amount, item.ttlSeconds]),
    };
  }

  #renderCharge(item: ChargeItem): unknown {
    const { numbers } = this.#options;
    const { keyId, endpoint, amount, units, status, priceList, requestId } = item;
    return [numbers.keyOf(keyId), numbers.endpointOf(endpoint), amount, units, status, priceList, requestId];
  }

  #renderSpecial(item: ChargeItem, ownsLease: boolean): unknown {
    const { hold, once, idempotency } = item;
    return {
      charge: this.#renderCharge(item),
      lease: hold === "lease" && ownsLease,
      key: this.#keyOf(item.capKey),
      ...(isClientHold(item) && { hold: typeof hold === "object" ? hold?.id : undefined }),
      ...(item.whole && { whole: true }),
      ...(item.most !== undefined && { most: item.most }),
      ...(item.measured && { measured: renderMeasured(item.measured, this.#options.numbers) }),
      ...(once && { once: [once.value, once.withinSeconds] }),
      ...(idempotency && { idempotency: renderIdempotency(idempotency) }),
    };
  }
}

function isSpecial(item: ChargeItem): boolean {
  const isWhole = item.whole === true && item.amount > 0n;
  const isBound = item.most !== undefined && item.most < item.amount;
  return (
    item.measured !== undefined ||
    isWhole ||
    isBound ||
    isClientHold(item) ||
    item.once !== undefined ||
    item.idempotency !== undefined
  );
}

function isClientHold({ hold }: ChargeItem): boolean {
  return typeof hold === "object" && hold !== null;
}

function renderIdempotency(given: NonNullable<ChargeItem["idempotency"]>): unknown {
  const { status, headers, body } = given.response;
  const { key, requestHash, owner } = given;
  return {
    key,
    requestHash,
    owner,
    status,
    headers,
    body: body === null ? null : Buffer.from(body).toString("base64"),
  };
}

function newPool(accountNo: number, typeNo: number): GeneralPool {
  return {
    accountNo,
    typeNo,
    backs: [],
    releases: [],
    returns: [],
    groups: new Map(),
    specials: [],
    free: [],
    leases: [],
    holds: [],
  };
}

function worksOf(pool: GeneralPool): Work[] {
  return [
    ...pool.releases,
    ...pool.returns.map(({ work }) => work),
    ...Array.from(pool.groups.values(), ({ works }) => works).flat(),
    ...pool.specials.map(({ work }) => work),
    ...pool.free,
    ...pool.leases,
    ...pool.holds,
  ];
}
