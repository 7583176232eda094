import { setTimeout as sleep } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";
import { explainUnknownAccount } from "../accounts/unknown-account.ts";
import type { Database, Statement } from "../database/database.ts";
import { isUndone } from "../database/storage-error.ts";
import type { Instance } from "../instance/instance.ts";
import type { Numbers } from "../instance/numbers.ts";
import { Attempt } from "./attempt.ts";
import type { Batch, Leftovers } from "./batch.ts";
import { EnteredPools } from "./entered-pools.ts";
import { GeneralBatch } from "./general-batch.ts";
import type { LaneEvents } from "./lane-events.ts";
import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";
import { findUnknown, learnNames } from "./named.ts";
import { isInTheWay, isNotNext, isUnavailable, mayHaveRunElsewhere } from "./outcome.ts";
import { isPlain, PlainBatch } from "./plain-batch.ts";

/** What the lanes of one instance share. */
export interface SenderParts {
  readonly database: Database;
  readonly instance: Instance;
  readonly numbers: Numbers;
  readonly limits: LaneLimits;
  readonly events: LaneEvents;
  /** Over how many the shards are spread. */
  readonly servers: number;
}

/** How a batch is to be put together. */
type Way = "plain" | "waiting" | "skipping";

/** What came of a batch: its callers were told, or its items are left. */
type Outcome = Leftovers | "in the way";

const NOTHING_LEFT: Leftovers = { general: [], busy: [] };

/**
 * The search for what is locked besides pools ends after so many batches of 50 ms that met it: what is not tried by then waits apart with
 * the rest. One item of the largest batch is found after eleven; with a table locked all would be tried in vain, and waited for.
 */
const LOCKED_BATCHES = 12;

const SETTLE: Statement = {
  name: "settle-batch",
  isUrgent: true,
  text: "SELECT farebox.settle_batch($1::smallint, $2::int, $3::bigint) AS reply",
};

const PASS_LANE: Statement = {
  name: "pass-lane",
  isUrgent: true,
  text: "SELECT farebox.pass_lane($1::smallint, $2::int, $3::bigint) AS last",
};

const CREATE_POOLS: Statement = {
  name: "create-pools",
  isUrgent: true,
  text: "SELECT farebox.create_pools($1, $2::int[], $3::smallint[])",
};

/**
 * Sends the batches of one shard, one after the other, each until its outcome is known.
 *
 * Exactly once: a batch carries the instance and a number, which the database advances in the same transaction. When the outcome of
 * a batch is not known the database is asked: it answers what the batch answered, or makes sure that it will never be run.
 */
export class LaneSender {
  readonly #parts: SenderParts;
  readonly #shard: number;
  /** The id under which the last number was used, and that number. */
  #owner = "";
  #number = 0;
  /** Pools from which it leases, as far as it knows. A wrong guess costs one batch more. */
  readonly #entered = new EnteredPools();
  /** The database stayed away past a limit: leases and holds, or all, are refused at the first failed attempt until it is back. */
  #isAway = false;
  #isDown = false;
  /** A batch of unknown outcome is in the way. */
  isBlocked = false;
  /** What is being sent waits for a database that is away: leases and holds do not queue behind it. */
  admitsNone = false;
  /** Called when the database stayed away past a limit: nobody else for whom this holds waits for it in vain. */
  readonly #onAway: (isRefused: (work: Work) => boolean, error: FareboxError) => void;

  constructor(
    parts: SenderParts,
    shard: number,
    onAway: (isRefused: (work: Work) => boolean, error: FareboxError) => void,
  ) {
    this.#parts = parts;
    this.#shard = shard;
    this.#onAway = onAway;
  }

  /** Sends the items and tells their callers. Returns those whose pools somebody has locked. Never rejects. */
  async send(works: readonly Work[]): Promise<readonly Work[]> {
    const { id } = this.#parts.instance;
    const isLean = (work: Work): boolean => this.#entered.has(work.item.pool) && isPlain(work, id);
    const plain = works.filter(isLean);
    const special = plain.length === works.length ? [] : works.filter((work) => !isLean(work));
    let rest: readonly Work[] = special;
    let way: Way = "waiting";
    if (plain.length > 0) {
      const outcome = await this.#attempt(plain, "plain");
      if (outcome === "in the way") way = "skipping";
      const left = outcome === "in the way" ? plain : outcome.general;
      for (const work of left) this.#entered.delete(work.item.pool);
      rest = left.length === 0 ? special : [...left, ...special];
    }
    return rest.length === 0 ? [] : await this.#sendGeneral(rest, way);
  }

  /** The same for items whose pools were locked before: nothing is waited for. */
  retry(works: readonly Work[]): Promise<readonly Work[]> {
    return this.#sendGeneral(works, "skipping");
  }

  /** `search`: how many batches may still meet what is locked. */
  async #sendGeneral(
    works: readonly Work[],
    way: Way,
    search = { left: LOCKED_BATCHES },
  ): Promise<readonly Work[]> {
    if (search.left === 0) return works;
    const outcome = await this.#attempt(works, way);
    if (outcome !== "in the way") {
      this.#enter(works);
      return outcome.busy;
    }
    if (way === "waiting") return await this.#sendGeneral(works, "skipping", search);
    // Not a pool is locked, but something else that one of the items needs.
    search.left -= 1;
    if (works.length === 1) return works;
    const middle = Math.ceil(works.length / 2);
    return [
      ...(await this.#sendGeneral(works.slice(0, middle), way, search)),
      ...(await this.#sendGeneral(works.slice(middle), way, search)),
    ];
  }

  /** Remembers the pools that this instance leases from: only these can go in a plain batch. */
  #enter(works: readonly Work[]): void {
    for (const work of works) if (work.verb === "lease") this.#entered.add(work.item.pool);
  }

  async #attempt(given: readonly Work[], way: Way): Promise<Outcome> {
    const attempt = new Attempt(given, this.#parts.limits, { isAway: this.#isAway, isDown: this.#isDown });
    try {
      return await this.#sendUntilKnown(attempt, given, way);
    } finally {
      this.admitsNone = false;
      this.isBlocked = false;
    }
  }

  async #sendUntilKnown(attempt: Attempt, given: readonly Work[], way: Way): Promise<Outcome> {
    let works = given;
    let batch: Batch | undefined;
    for (;;) {
      try {
        // What the present id has sent it finds out under the same: meanwhile the instance may have got another.
        if (!attempt.isUnknown) works = await this.#prepare(works);
        if (works.length === 0) return NOTHING_LEFT;
        // Under a new id there is no lease for what was queued under the old one: it draws from the pool.
        if (batch === undefined && way === "plain" && !works.every((work) => isPlain(work, this.#owner))) {
          return { general: works, busy: [] };
        }
        batch ??= this.#build(works, way);
        const reply = await this.#run(attempt, batch);
        if (reply === undefined || (await this.#isUndone(reply, attempt, batch))) {
          batch = undefined;
          continue;
        }
        return this.#told(batch, works, reply);
      } catch (error) {
        if (isNotNext(error) && batch !== undefined && !attempt.isUnknown) attempt.isUnknown = true;
        else if (!isUnavailable(error)) return await this.#divide(works, way, error);
        else {
          let obstacle: FareboxError = error;
          if (isInTheWay(error) && !attempt.isUnknown) {
            const passed = await this.#passLane(way, batch);
            if (passed === "not in the way") return this.#inTheWay(error);
            if (passed === "passed" && !attempt.isOverdue()) continue;
            if (passed !== "passed") obstacle = passed;
          }
          const left = await this.#waitOut(attempt, works, obstacle);
          if (left.length === 0) return NOTHING_LEFT;
          if (left.length < works.length) batch = undefined;
          works = left;
        }
      }
    }
  }

  /** Registers the instance's present id, and learns numbers; items that name what does not exist are refused alone. */
  async #prepare(works: readonly Work[]): Promise<readonly Work[]> {
    const { instance, numbers, database, servers } = this.#parts;
    if (this.#owner !== instance.id) {
      await instance.register(this.#shard);
      this.#owner = instance.id;
      this.#number = 0;
      this.#entered.clear();
    }
    const unnamed = await learnNames(database, numbers, works, servers);
    return works.filter((work) => {
      const error = this.#findReplaced(work) ?? unnamed?.(work) ?? findUnknown(work, numbers);
      if (error !== undefined) work.reject(error);
      return error === undefined;
    });
  }

  /** Known not to be made: what an earlier id has sent is known before the next is used. */
  #findReplaced({ verb, item }: Work): FareboxError | undefined {
    if (verb !== "charge" || item.onlyBy === undefined || item.onlyBy === this.#owner) return undefined;
    return new FareboxError("instance_replaced", `The instance ${item.onlyBy} was declared dead.`, {
      detail: { instance: item.onlyBy },
    });
  }

  #build(works: readonly Work[], way: Way): Batch {
    const { instance, numbers, limits } = this.#parts;
    const instanceNo = instance.numberOf(this.#owner);
    if (way === "plain")
      return new PlainBatch(
        works.filter((work) => isPlain(work, this.#owner)),
        instanceNo,
        numbers,
      );
    return new GeneralBatch(works, {
      instanceId: this.#owner,
      instanceNo,
      numbers,
      skip: way === "skipping",
      keepSeconds: limits.idempotencyKeepSeconds,
    });
  }

  /** The batch's answer; undefined when it was found out that it was not run. */
  async #run(attempt: Attempt, batch: Batch): Promise<string | undefined> {
    const { database, events } = this.#parts;
    const number = this.#number + 1;
    if (attempt.isUnknown) {
      const [row] = await database.query<{ reply: string }>(SETTLE, [this.#shard, batch.instanceNo, number]);
      attempt.isUnknown = false;
      return row?.reply ?? "";
    }
    const since = performance.now();
    try {
      const [row] = await database.query<{ reply: string }>(
        batch.statement,
        batch.parameters(this.#shard, number),
      );
      events.batchDone(batch.kind, attempt.works.length, performance.now() - since);
      return row?.reply ?? "";
    } catch (error) {
      const isElsewhere = this.#parts.servers > 1 && mayHaveRunElsewhere(error);
      if (isUnavailable(error) && (isElsewhere || !isUndone(error))) attempt.isUnknown = true;
      throw error;
    }
  }

  /** True when the batch was not run, and never will be under this number, and is to be sent again. */
  async #isUndone(reply: string, attempt: Attempt, batch: Batch): Promise<boolean> {
    const { database, instance, events } = this.#parts;
    if (reply === '{"s":"void"}') {
      this.#number += 1;
      events.batchRetried("unknown outcome");
      return true;
    }
    if (reply === '{"s":"missing"}' && batch instanceof GeneralBatch) {
      const { accounts, types } = batch.pools;
      await database.query(CREATE_POOLS, [this.#shard, accounts, types]);
      return true;
    }
    if (reply !== '{"s":"fenced"}') return false;
    attempt.isUnknown = false;
    instance.markDead(this.#owner);
    await instance.replace();
    return true;
  }

  /** The batch is committed, so whatever is wrong with its reply, it must not be sent again. */
  #told(batch: Batch, works: readonly Work[], reply: string): Leftovers {
    this.#number += 1;
    this.#isAway = false;
    this.#isDown = false;
    this.isBlocked = false;
    this.admitsNone = false;
    try {
      return batch.settle(reply);
    } catch (error) {
      for (const work of works) work.reject(error);
      return NOTHING_LEFT;
    }
  }

  /**
   * A batch that waits for no pool met a lock: if it was its lane's, the next one goes in a spare lane. Its outcome is known, so the
   * numbers of the lane before are over. Returns the error when no lane is to be had: nothing of the shard can be committed then.
   */
  async #passLane(way: Way, batch: Batch | undefined): Promise<"passed" | "not in the way" | FareboxError> {
    if (way !== "skipping" || batch === undefined) return "not in the way";
    const { database, events } = this.#parts;
    try {
      const parameters = [this.#shard, batch.instanceNo, this.#number];
      const [row] = await database.query<{ last: bigint | null }>(PASS_LANE, parameters);
      if (row === undefined || row.last === null) return "not in the way";
      this.#number = Number(row.last);
      events.batchRetried("lane locked");
      return "passed";
    } catch (error) {
      if (isUnavailable(error)) return error;
      throw error;
    }
  }

  #inTheWay(error: FareboxError): "in the way" {
    this.#parts.events.batchRetried(error.detail["sqlState"] === "57014" ? "statement time-out" : "locked");
    return "in the way";
  }

  /** The database refused the statement: finds the item that it refuses, so that the others are not refused with it. */
  async #divide(works: readonly Work[], way: Way, error: unknown): Promise<Outcome> {
    if (way === "plain") return { general: works, busy: [] };
    const [only] = works;
    if (works.length === 1 && only !== undefined) {
      only.reject(explainUnknownAccount(error, only.item.pool.accountId));
      return NOTHING_LEFT;
    }
    const middle = Math.ceil(works.length / 2);
    return {
      general: [],
      busy: [
        ...(await this.#sendGeneral(works.slice(0, middle), way)),
        ...(await this.#sendGeneral(works.slice(middle), way)),
      ],
    };
  }

  /**
   * Pauses before the next attempt, and returns what is left to send. When the database stays away, everyone is refused of whom it is
   * certain that nothing was or will be done, and those that can be told either way: a lease that comes too late is given back, a hold
   * has its id. These are refused soon. Charges and releases of unknown outcome wait until it is known.
   */
  async #waitOut(attempt: Attempt, works: readonly Work[], error: FareboxError): Promise<readonly Work[]> {
    this.#parts.events.batchRetried(isInTheWay(error) ? "lane locked" : "database away");
    const isOverdue = attempt.isOverdue();
    const isTooLate = attempt.isTooLateToAdmit();
    const isRefused = (work: Work): boolean => isOverdue || canBeTold(work);
    let left = works;
    if (isOverdue || isTooLate) {
      this.#isAway = true;
      this.#isDown ||= isOverdue;
      this.admitsNone = true;
      if (isOverdue) this.isBlocked = attempt.isUnknown;
      this.#onAway(isRefused, unavailable(error));
      for (const work of works) {
        if (canBeTold(work) || (isOverdue && !attempt.isUnknown)) work.reject(unavailable(error));
      }
      if (!attempt.isUnknown) left = works.filter((work) => !isRefused(work));
    }
    if (left.length > 0) await sleep(attempt.nextPause());
    return left;
  }
}

/** Whether its caller may be told that nothing was done although it may have been. */
export function canBeTold({ verb }: Work): boolean {
  return verb === "lease" || verb === "hold";
}

export function unavailable(cause?: unknown): FareboxError {
  return new FareboxError("storage_unavailable", "The database is not available.", {
    retryable: true,
    cause,
  });
}
