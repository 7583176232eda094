import { FareboxError } from "../../domain/farebox-error.ts";
import { askShards } from "../database/ask-shards.ts";
import type { Database } from "../database/database.ts";
import { isOfOneServer } from "../database/storage-error.ts";

/** Of one server of several, at a time. */
const HEARTBEATS_AT_ONCE = 2;

/**
 * A server of several that has not answered by then is not waited for: what the others said counts from the sending on, and whoever
 * waits for one of their leases waits 400 ms.
 */
const HEARTBEAT_MS = 500;

interface HeartbeatAnswer {
  readonly alive: boolean;
  readonly recalls: readonly (readonly [accountId: string, creditType: string])[];
}

export interface Heard {
  readonly shard: number;
  readonly answer: HeartbeatAnswer;
}

/** What became of a heartbeat. */
export interface Told {
  readonly heard: readonly Heard[];
  /** Shards that did not answer, or not in time. */
  readonly unheard: readonly number[];
}

/** The shards of one server, on their way. */
interface Round {
  readonly heard: Heard[];
  failure: unknown;
  /** Nobody waits for it any more. */
  isLate: boolean;
}

/**
 * Heartbeats of one instance, asked of each server for itself. One that hangs is asked nothing more until it has answered, or the
 * statement has failed; what it says too late proves nothing about this moment, and is told to `onLate`.
 */
export class Heartbeats {
  readonly #database: Database;
  readonly #servers: number;
  readonly #onLate: (number: number, heard: Heard) => void;
  readonly #enter: (shard: number) => Promise<void>;
  /** Servers that are being asked. */
  readonly #asked = new Set<number | undefined>();

  /** `enter` makes sure that the instance is registered in a shard: it may be one whose server was away. */
  constructor(
    database: Database,
    servers: number,
    onLate: (number: number, heard: Heard) => void,
    enter: (shard: number) => Promise<void>,
  ) {
    this.#database = database;
    this.#servers = servers;
    this.#onLate = onLate;
    this.#enter = enter;
  }

  /**
   * `areAll`: these are all shards, of all servers: when none of them hears it the database is away, and this rejects. Of some it may be
   * one server alone.
   */
  async tell(shards: readonly number[], number: number, areAll: boolean): Promise<Told> {
    if (this.#servers === 1) return { heard: await this.#ask(shards, number), unheard: [] };
    const byServer = Map.groupBy(shards, (shard) => this.#database.serverOf?.(shard));
    const rounds: Round[] = [];
    const running: Promise<void>[] = [];
    for (const [server, its] of byServer) {
      if (this.#asked.has(server)) continue;
      const round: Round = { heard: [], failure: undefined, isLate: false };
      rounds.push(round);
      this.#asked.add(server);
      running.push(this.#run(round, its, number).finally(() => this.#asked.delete(server)));
    }
    await withinTime(Promise.all(running));
    for (const round of rounds) round.isLate = true;
    const heard = rounds.flatMap((round) => round.heard);
    const failure = rounds.find((round) => round.failure !== undefined)?.failure;
    if (failure !== undefined && !isOfOneServer(failure)) throw failure;
    if (areAll && heard.length === 0 && shards.length > 0) throw failure ?? silent();
    const known = new Set(heard.map(({ shard }) => shard));
    return { heard, unheard: shards.filter((shard) => !known.has(shard)) };
  }

  /** Never rejects. */
  async #run(round: Round, shards: readonly number[], number: number): Promise<void> {
    const left = [...shards];
    const askOn = async (): Promise<void> => {
      for (let shard = left.shift(); shard !== undefined && !round.isLate; shard = left.shift()) {
        try {
          await this.#enter(shard);
          for (const heard of await this.#ask([shard], number)) {
            if (round.isLate) this.#onLate(number, heard);
            else round.heard.push(heard);
          }
        } catch (error) {
          if (round.failure === undefined || isOfOneServer(round.failure)) round.failure = error;
          if (!isOfOneServer(error)) left.length = 0;
        }
      }
    };
    // A server that is on its way back takes long to say no: its shards do not all wait for each other.
    await Promise.all(Array.from({ length: HEARTBEATS_AT_ONCE }, askOn));
  }

  async #ask(shards: readonly number[], number: number): Promise<Heard[]> {
    const call = (shard: string): string => `farebox.heartbeat(${shard}, $1::int)`;
    const answers = await askShards<HeartbeatAnswer>(this.#database, "heartbeat", call, shards, [number]);
    return answers.map((answer, index) => ({ shard: shards[index] ?? 0, answer }));
  }
}

/** Resolves when it has ended, or the time is over. */
async function withinTime(ended: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, HEARTBEAT_MS);
  });
  await Promise.race([ended, over]);
  clearTimeout(timer);
}

function silent(): FareboxError {
  return new FareboxError("storage_unavailable", "No server answered the heartbeat in time.", {
    retryable: true,
  });
}
