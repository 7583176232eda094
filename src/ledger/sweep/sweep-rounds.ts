import type { Database } from "../database/database.ts";
import { type StepNews, writeStepRecords } from "./step-records.ts";
import { askForWork, listShards, type SweepOptions } from "./sweep.ts";
import type { Shards, SweepStep } from "./sweep-step.ts";

/** What a round tells its owner. */
export interface SweepEvents {
  stepSucceeded(step: string): void;
  /** `times`: in a row. */
  stepFailed(step: string, error: unknown, times: number): void;
  /** Something was refused and passed; the rest was done. */
  stepPassed(step: string, error: Error): void;
  stepRecovered(step: string): void;
}

/** What is left when a round ends: the next one comes soon, at its time, or late. */
export type RoundEnd = "more" | "calm" | "idle";

/** As steps: the question what there is to do, and writing down what became of the others. */
const LOOK = "find work";
const RECORD = "step records";

/** Shards come and go with configurations. */
const SHARDS_MS = 600_000;
/** Until a list that could not be read is asked for again: with one server of several away it never can. */
const SHARDS_AGAIN_MS = 60_000;

/** Last successes are written so often; a failure that is news at once. */
const RECORD_MS = 60_000;

/** A step that fails rests for so long, twice as long after each further failure. */
const FIRST_REST_MS = 2_000;
const LONGEST_REST_MS = 60_000;

interface Rest {
  /** Failures in a row. */
  failures: number;
  restUntil: number;
}

interface StepState extends Rest {
  ranAt: number;
  isMore: boolean;
}

/**
 * Goes through the steps, each when there is work for it or its time has come. One that fails keeps no other from its turn: it
 * rests for a while, and so does a server of several that does not answer: the shards of the others have their turns. What happened
 * to each step is written down where every instance can read it.
 */
export class SweepRounds {
  readonly #database: Database;
  readonly #options: SweepOptions;
  readonly #steps: readonly SweepStep[];
  readonly #events: SweepEvents;
  readonly #clock: () => number;
  readonly #states = new Map<string, StepState>();
  /** How each server answers the question what there is to do. */
  readonly #servers = new Map<number | undefined, Rest>();
  /** What is not written down yet. */
  readonly #news = new Map<string, StepNews>();
  #shards: readonly number[] = [];
  #shardsKnownUntil = Number.NEGATIVE_INFINITY;
  #recordedAt = Number.NEGATIVE_INFINITY;
  #isUrgent = false;

  /** `clock` tells monotonic milliseconds. */
  constructor(
    database: Database,
    options: SweepOptions,
    steps: readonly SweepStep[],
    events: SweepEvents,
    clock: () => number = () => performance.now(),
  ) {
    this.#database = database;
    this.#options = options;
    this.#steps = steps;
    this.#events = events;
    this.#clock = clock;
  }

  /** Never rejects. */
  async run(): Promise<RoundEnd> {
    const shards = await this.#look();
    if (shards === undefined) return "calm";
    let isMore = false;
    for (const step of this.#steps) isMore = (await this.#turn(step, shards)) || isMore;
    await this.#record();
    if (isMore) return "more";
    return KINDS.some((work) => shards.with(work).length > 0) ? "calm" : "idle";
  }

  /** In the shards of those servers that answer. Undefined: none did, or did a moment ago. */
  async #look(): Promise<Shards | undefined> {
    const all = await this.#listShards();
    const servers = [...Map.groupBy(all, (shard) => this.#database.serverOf?.(shard))];
    const awake = servers.filter(
      ([server]) => this.#clock() >= (this.#servers.get(server)?.restUntil ?? Number.NEGATIVE_INFINITY),
    );
    const asked = await Promise.allSettled(awake.map(([server, its]) => this.#ask(server, its)));
    const failure = asked.find((answer) => answer.status === "rejected");
    const answers = asked.filter((answer) => answer.status === "fulfilled").map(({ value }) => value);
    if (failure !== undefined) this.#failed(LOOK, failure.reason, undefined);
    else if (answers.length === servers.length) this.#succeeded(LOOK);
    if (answers.length === 0) return undefined;
    return {
      all: answers.flatMap((shards) => shards.all),
      with: (work) => answers.flatMap((shards) => shards.with(work)),
    };
  }

  /** What there is to do in the shards of one server. One that does not answer rests. */
  async #ask(server: number | undefined, shards: readonly number[]): Promise<Shards> {
    try {
      const answer = await askForWork(this.#database, shards, this.#options.deadAfterMs);
      this.#servers.delete(server);
      return answer;
    } catch (error) {
      const rest = this.#servers.get(server) ?? { failures: 0, restUntil: Number.NEGATIVE_INFINITY };
      this.#letRest(rest, undefined);
      this.#servers.set(server, rest);
      throw error;
    }
  }

  /** Those that are known, where they cannot be read. */
  async #listShards(): Promise<readonly number[]> {
    const { shards } = this.#options;
    if (this.#clock() < this.#shardsKnownUntil) return this.#shards;
    try {
      this.#shards = await listShards(this.#database, shards);
      this.#shardsKnownUntil = this.#clock() + SHARDS_MS;
    } catch {
      if (this.#shards.length === 0) this.#shards = Array.from({ length: shards }, (_, shard) => shard);
      this.#shardsKnownUntil = this.#clock() + SHARDS_AGAIN_MS;
    }
    return this.#shards;
  }

  /** Whether the step has more to do. */
  async #turn(step: SweepStep, shards: Shards): Promise<boolean> {
    const state = this.#stateOf(step.name);
    const now = this.#clock();
    if (now < state.restUntil) return false;
    const hasWork = step.when !== undefined && shards.with(step.when).length > 0;
    const isTime = step.everyMs !== null && now - state.ranAt >= step.everyMs;
    if (!hasWork && !isTime && !state.isMore) {
      // There is nothing for it, which is as good as having done it.
      if (step.everyMs === null) this.#succeeded(step.name);
      return false;
    }
    state.isMore = false;
    try {
      const { isMore = false, isPart = false, passed } = await step.run(shards, isTime);
      if (isTime) state.ranAt = now;
      state.isMore = isMore;
      if (passed !== undefined) this.#passed(step.name, passed);
      else if (!isPart) this.#succeeded(step.name);
      return isMore;
    } catch (error) {
      this.#failed(step.name, error, step.retryMs);
      return false;
    }
  }

  #succeeded(step: string): void {
    const state = this.#stateOf(step);
    if (state.failures > 0) {
      this.#events.stepRecovered(step);
      this.#isUrgent = true;
    }
    state.failures = 0;
    state.restUntil = Number.NEGATIVE_INFINITY;
    this.#events.stepSucceeded(step);
    this.#news.set(step, { step, failure: null });
  }

  #failed(step: string, error: unknown, retryMs: number | undefined): void {
    const state = this.#stateOf(step);
    this.#letRest(state, retryMs);
    this.#isUrgent ||= state.failures === 1;
    this.#news.set(step, { step, failure: error instanceof Error ? error.message : String(error) });
    this.#events.stepFailed(step, error, state.failures);
  }

  #letRest(rest: Rest, retryMs: number | undefined): void {
    rest.failures += 1;
    const longer = Math.min(FIRST_REST_MS * 2 ** (rest.failures - 1), LONGEST_REST_MS);
    rest.restUntil = this.#clock() + (retryMs ?? longer);
  }

  #passed(step: string, error: Error): void {
    this.#news.set(step, { step, failure: error.message });
    this.#events.stepPassed(step, error);
  }

  /** In one statement, of all steps. What cannot be written down now is the next time. */
  async #record(): Promise<void> {
    const now = this.#clock();
    if (now < this.#stateOf(RECORD).restUntil) return;
    if (!this.#isUrgent && now - this.#recordedAt < RECORD_MS) return;
    try {
      await writeStepRecords(this.#database, [...this.#news.values()]);
      this.#recordedAt = now;
      this.#isUrgent = false;
      this.#news.clear();
      if (this.#stateOf(RECORD).failures > 0) this.#succeeded(RECORD);
    } catch (error) {
      this.#failed(RECORD, error, undefined);
    }
  }

  #stateOf(step: string): StepState {
    const known = this.#states.get(step);
    if (known !== undefined) return known;
    const state = {
      ranAt: Number.NEGATIVE_INFINITY,
      isMore: false,
      failures: 0,
      restUntil: Number.NEGATIVE_INFINITY,
    };
    this.#states.set(step, state);
    return state;
  }
}

const KINDS = ["active", "dead", "due"] as const;
