import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { FareboxError } from "../../domain/farebox-error.ts";
import { explainUnknownAccount } from "../accounts/unknown-account.ts";
import type { Database } from "../database/database.ts";
import type { Instance } from "../instance/instance.ts";
import { Attempt } from "./attempt.ts";
import type { Batch } from "./batch.ts";
import { parseReply } from "./batch-reply.ts";
import type { BatchSlots } from "./batch-slots.ts";
import { RUN_BATCH } from "./batch-statement.ts";
import type { LaneLimits } from "./lane-limits.ts";
import type { Work } from "./lane-work.ts";
import { isUnavailable, isUndone } from "./outcome.ts";

/** What the lanes of one instance share. */
export interface LaneParts {
  readonly database: Database;
  readonly instance: Instance;
  readonly limits: LaneLimits;
  readonly slots: BatchSlots;
}

/**
 * The queue of one shard, and at most one batch in flight: a batch leaves when the one before has returned, so an idle lane
 * adds no latency and a busy one batches by itself.
 *
 * Exactly once: a batch carries the instance's id and a number, which the database advances in the same transaction. When
 * the outcome of a batch is not known it is sent again under its number until it is; the database then either runs it or
 * returns what it returned before.
 */
export class Lane {
  readonly #database: Database;
  readonly #instance: Instance;
  readonly #shard: number;
  readonly #limits: LaneLimits;
  readonly #slots: BatchSlots;
  #queue: Work[] = [];
  #head = 0;
  #running: Promise<void> | undefined;
  /** The id under which the last number was used, and that number. */
  #owner = "";
  #number = 0;
  /** The database stayed away past the limit: callers are refused at the first failed attempt until it is back. */
  #isDown = false;
  /** A batch of unknown outcome is in the way. */
  #isBlocked = false;

  constructor(parts: LaneParts, shard: number) {
    this.#database = parts.database;
    this.#instance = parts.instance;
    this.#limits = parts.limits;
    this.#slots = parts.slots;
    this.#shard = shard;
  }

  push(work: Work): void {
    if (this.#isBlocked) {
      work.reject(unavailable());
    } else if (this.#queue.length - this.#head >= this.#limits.queueLength) {
      work.reject(new FareboxError("overloaded", "The ledger's queue is full.", { retryable: true }));
    } else {
      this.#queue.push(work);
      this.#slots.grown(this.#queue.length - this.#head);
      this.#running ??= this.#run();
    }
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#head < this.#queue.length) {
      // One turn of the event loop, so that requests which are there already, and callers that the batch before has just
      // answered, leave together: measured, batches of 250 instead of 40 at 1000 callers. An idle process waits for nothing.
      await nextTurn();
      await this.#slots.take(() => this.#queue.length - this.#head);
      try {
        await this.#deliver(this.#take());
      } finally {
        this.#slots.give();
      }
    }
    this.#running = undefined;
  }

  #take(): Work[] {
    const { batchItems, batchBodyBytes } = this.#limits;
    const works: Work[] = [];
    for (let bytes = 0; works.length < batchItems && bytes < batchBodyBytes; ) {
      const work = this.#queue[this.#head];
      if (work === undefined) break;
      this.#head += 1;
      works.push(work);
      bytes += bodyBytes(work);
    }
    if (this.#head === this.#queue.length) this.#takeQueue();
    return works;
  }

  /** Empties the queue. */
  #takeQueue(): Work[] {
    const works = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    return works;
  }

  /** Sends the items until their outcome is known, and tells it to their callers. Never rejects. */
  async #deliver(works: readonly Work[]): Promise<void> {
    const attempt = new Attempt(works, this.#limits, this.#isDown ? 0 : this.#limits.retryForMs);
    for (;;) {
      let batch: Batch;
      let reply: string;
      try {
        batch = await this.#prepare(attempt);
        reply = await this.#send(attempt, batch);
        if (await this.#mend(reply, attempt, batch)) continue;
      } catch (error) {
        if (!isUnavailable(error)) return this.#divide(works, error);
        if (!(await this.#waitOut(attempt, error))) return;
        continue;
      }
      this.#number += 1;
      this.#isDown = false;
      this.#isBlocked = false;
      tellResults(batch, works, reply);
      return;
    }
  }

  /** A batch of unknown outcome keeps its id and number; any other goes under the instance's present id. */
  async #prepare(attempt: Attempt): Promise<Batch> {
    if (!attempt.isUnknown && this.#owner !== this.#instance.id) {
      await this.#instance.register(this.#shard);
      this.#owner = this.#instance.id;
      this.#number = 0;
    }
    return attempt.batchFor(this.#owner);
  }

  async #send(attempt: Attempt, batch: Batch): Promise<string> {
    try {
      const parameters = batch.parameters(this.#shard, this.#number + 1, this.#limits.idempotencyKeepSeconds);
      const [row] = await this.#database.query<{ reply: string }>(RUN_BATCH, parameters);
      return row?.reply ?? "";
    } catch (error) {
      if (isUnavailable(error) && !isUndone(error)) attempt.isUnknown = true;
      throw error;
    }
  }

  /** True when the batch was not run, and never will be under this number, and is to be sent again. */
  async #mend(reply: string, attempt: Attempt, batch: Batch): Promise<boolean> {
    if (reply === '{"s":"missing"}') {
      const { accounts, types } = batch.pools;
      await this.#database.query("SELECT farebox.create_pools($1, $2::text[], $3::text[])", [
        this.#shard,
        accounts,
        types,
      ]);
      return true;
    }
    if (reply !== '{"s":"fenced"}') return false;
    attempt.isUnknown = false;
    this.#instance.markDead(batch.owner);
    await this.#instance.replace();
    return true;
  }

  /** The database refused the statement: finds the item that it refuses, so that the others are not refused with it. */
  async #divide(works: readonly Work[], error: unknown): Promise<void> {
    const [only] = works;
    if (works.length === 1 && only !== undefined) {
      only.reject(explainUnknownAccount(error, only.item.pool.accountId));
      return;
    }
    const middle = Math.ceil(works.length / 2);
    await this.#deliver(works.slice(0, middle));
    await this.#deliver(works.slice(middle));
  }

  /**
   * Pauses before the next attempt. When the database stays away, everyone is refused of whom it is certain that nothing was
   * or will be done, and those that can be told either way: a lease that comes too late is given back, a hold has its id.
   * Charges and releases of unknown outcome wait until it is known. False when nobody is left to send for.
   */
  async #waitOut(attempt: Attempt, error: unknown): Promise<boolean> {
    if (attempt.isOverdue()) {
      this.#isDown = true;
      this.#isBlocked = attempt.isUnknown;
      for (const work of this.#takeQueue()) work.reject(unavailable(error));
      for (const work of attempt.works) {
        const canBeTold = work.verb === "lease" || work.verb === "hold";
        if (canBeTold || !attempt.isUnknown) work.reject(unavailable(error));
      }
      if (!attempt.isUnknown) return false;
    }
    await sleep(attempt.nextPause());
    return true;
  }
}

/** The batch is committed, so whatever is wrong with its reply, it must not be sent again. */
function tellResults(batch: Batch, works: readonly Work[], reply: string): void {
  try {
    const parsed = parseReply(reply);
    if (parsed.s !== "done") throw new Error(`run_batch answered ${reply}`);
    batch.settle(parsed);
  } catch (error) {
    for (const work of works) work.reject(error);
  }
}

function bodyBytes(work: Work): number {
  return work.verb === "charge" ? (work.item.idempotency?.response.body?.length ?? 0) : 0;
}

function unavailable(cause?: unknown): FareboxError {
  return new FareboxError("storage_unavailable", "The database is not available.", {
    retryable: true,
    cause,
  });
}
