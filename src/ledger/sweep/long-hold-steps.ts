import type { Credits } from "../../domain/credits.ts";
import { askShards } from "../database/ask-shards.ts";
import type { Database } from "../database/database.ts";
import type { SweepStep } from "./sweep-step.ts";

const MINUTE_MS = 60_000;

/** Long holds that are told in one transaction. */
const TOLD = 100;

/** Rows of long holds and of their parts that are forgotten in one transaction. */
const FORGOTTEN = 1_000;

/** Chunks in one run. */
const MAX_CHUNKS = 20;

/** A long hold that nobody ended in time: what was left of it is free. */
export interface ExpiredHold {
  readonly requestId: string;
  readonly accountId: string;
  readonly endpoint: string;
  /** What was set aside at first, and what its parts were charged. */
  readonly asked: Credits;
  readonly charged: Credits;
  readonly parts: number;
}

type ExpiredReply = Omit<ExpiredHold, "asked" | "charged"> & {
  readonly asked: number;
  readonly charged: number;
};

/** The steps of long holds: tells those that have expired, each once, and forgets those of a month ago. */
export function createLongHoldSteps(
  database: Database,
  onExpired: (hold: ExpiredHold) => void,
): readonly SweepStep[] {
  return [
    {
      name: "expired holds",
      // What ends a hold is due on its pool, unless a request has met it first.
      when: "due",
      everyMs: MINUTE_MS,
      run: async (shards, isFull) => {
        const concerned = isFull ? shards.all : shards.with("due");
        return await inChunks(TOLD, async () => {
          const expired = await tellExpired(database, concerned);
          for (const hold of expired) onExpired(hold);
          return expired.length;
        });
      },
    },
    {
      name: "old long holds",
      everyMs: 60 * MINUTE_MS,
      run: ({ all }) => inChunks(FORGOTTEN, () => forget(database, all)),
    },
  ];
}

async function inChunks(
  size: number,
  run: () => Promise<number>,
): Promise<{ readonly done: number; readonly isMore?: true }> {
  let done = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk += 1) {
    const count = await run();
    done += count;
    if (count < size) return { done };
  }
  return { done, isMore: true };
}

async function tellExpired(database: Database, shards: readonly number[]): Promise<ExpiredHold[]> {
  const replies = await askShards<readonly ExpiredReply[]>(
    database,
    "tell-expired-holds",
    (shard) => `farebox.tell_expired_holds(${shard}, $1)`,
    shards,
    [TOLD],
  );
  return replies.flat().map(renderExpired);
}

function renderExpired({ asked, charged, ...hold }: ExpiredReply): ExpiredHold {
  return { ...hold, asked: BigInt(asked), charged: BigInt(charged) };
}

async function forget(database: Database, shards: readonly number[]): Promise<number> {
  const counts = await askShards<number>(
    database,
    "forget-long-holds",
    (shard) => `farebox.forget_long_holds(${shard}, $1)`,
    shards,
    [FORGOTTEN],
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
