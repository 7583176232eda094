import type { Database } from "../database/database.ts";
import type { Instance } from "../instance/instance.ts";
import { Numbers } from "../instance/numbers.ts";
import type {
  ChargeItem,
  ChargeResult,
  HoldItem,
  HoldResult,
  Lanes,
  LeaseItem,
  LeaseResult,
  PoolRef,
  ReleaseItem,
  ReleaseResult,
} from "../ledger.ts";
import { BatchSlots } from "./batch-slots.ts";
import { checkWork } from "./check-item.ts";
import { Lane, type LaneParts } from "./lane.ts";
import type { LaneEvents } from "./lane-events.ts";
import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";

/** A new name is written on all servers of a cluster. One that takes longer keeps nobody waiting who names nothing new. */
const NAMING_MS = 500;

/** The hot verbs of one instance: a lane per shard. */
export class ShardLanes implements Lanes {
  readonly #instance: Instance;
  readonly #parts: LaneParts;
  readonly #lanes = new Map<number, Lane>();

  /** `servers`: over how many the shards are spread. */
  constructor(
    database: Database,
    instance: Instance,
    limits: LaneLimits,
    events: LaneEvents,
    servers: number,
  ) {
    this.#instance = instance;
    const slots = new BatchSlots(database.kind === "pglite" ? 1 : Number.POSITIVE_INFINITY, servers);
    this.#parts = {
      database,
      instance,
      limits,
      slots,
      events,
      servers,
      numbers: new Numbers(servers === 1 ? undefined : NAMING_MS),
    };
  }

  charge(item: ChargeItem): Promise<ChargeResult> {
    return new Promise((resolve, reject) => {
      this.#push({ verb: "charge", item, owner: this.#instance.id, resolve, reject });
    });
  }

  lease(item: LeaseItem): Promise<LeaseResult> {
    return new Promise((resolve, reject) => {
      let gaveUp = false;
      this.#push({
        verb: "lease",
        item,
        owner: this.#instance.id,
        resolve: (result, owner) => {
          if (gaveUp) this.#returnLease(item.pool, result, owner);
          else resolve({ ...result, owner });
        },
        reject: (error) => {
          gaveUp = true;
          reject(error);
        },
      });
    });
  }

  hold(item: HoldItem): Promise<HoldResult> {
    return new Promise((resolve, reject) => {
      this.#push({ verb: "hold", item, owner: this.#instance.id, resolve, reject });
    });
  }

  release(item: ReleaseItem): Promise<ReleaseResult> {
    return new Promise((resolve, reject) => {
      this.#push({ verb: "release", item, owner: this.#instance.id, resolve, reject });
    });
  }

  /** Items that wait for a batch, in all shards. */
  get queueLength(): number {
    let length = 0;
    for (const lane of this.#lanes.values()) length += lane.length;
    return length;
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drain(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain()));
  }

  /** Its caller was told that nothing was leased, so nobody would give it back. What cannot go back now goes at the end. */
  #returnLease(pool: PoolRef, { granted }: LeaseResult, owner: string): void {
    if (granted === 0n) return;
    const item = { pool, hold: "lease", amount: granted } as const;
    this.#push({ verb: "release", item, owner, resolve: () => undefined, reject: () => undefined });
  }

  #push(work: Work): void {
    checkWork(work);
    const { shard } = work.item.pool;
    let lane = this.#lanes.get(shard);
    if (lane === undefined) {
      lane = new Lane(this.#parts, shard);
      this.#lanes.set(shard, lane);
    }
    lane.push(work);
  }
}
