import { FareboxError } from "../../domain/farebox-error.ts";
import { unknownAccount } from "../accounts/unknown-account.ts";
import type { Database } from "../database/database.ts";
import { isOfOneServer } from "../database/storage-error.ts";
import type { Numbers } from "../instance/numbers.ts";
import type { Work } from "./lane-work.ts";

/**
 * Learns the numbers of everything that items name. Returned, when a server of several keeps new names from being written: why an item
 * cannot be sent that has one. Nothing was done for it.
 */
export async function learnNames(
  database: Database,
  numbers: Numbers,
  works: readonly Work[],
  servers: number,
): Promise<((work: Work) => FareboxError | undefined) | undefined> {
  try {
    await numbers.learn(database, named(works));
    return undefined;
  } catch (error) {
    if (servers === 1 || !isOfOneServer(error)) throw error;
    return (work) => explainUnnamed(work, numbers, error);
  }
}

function explainUnnamed(work: Work, numbers: Numbers, cause: unknown): FareboxError | undefined {
  const isLearnt = [...named([work])].every((name) => numbers.isLearnt(name));
  if (isLearnt) return undefined;
  return new FareboxError("storage_unavailable", "A name is new, and not all servers can be told of it.", {
    retryable: true,
    cause,
  });
}

/** Everything that items name, whose numbers a batch needs. */
function* named(works: readonly Work[]): Generator<Parameters<Numbers["poolOf"]>[0]> {
  for (const { verb, item } of works) {
    const { accountId, creditType, shard } = item.pool;
    if (verb === "charge") {
      const counter = item.measured?.counter?.name;
      yield { accountId, creditType, shard, keyId: item.keyId, endpoint: item.endpoint, counter };
    } else yield { accountId, creditType, shard };
    if ("capKey" in item && item.capKey !== undefined)
      yield { accountId, creditType, shard, keyId: item.capKey };
  }
}

/** Why an item cannot be sent: it names what does not exist. */
export function findUnknown({ verb, item }: Work, numbers: Numbers): FareboxError | undefined {
  const { pool } = item;
  if (!numbers.knows(pool)) return unknownAccount(pool.accountId);
  const keys = [verb === "charge" ? item.keyId : undefined, "capKey" in item ? item.capKey : undefined];
  const unknown = keys.find((keyId) => keyId !== undefined && numbers.keyOf(keyId) === undefined);
  if (unknown === undefined) return undefined;
  return new FareboxError("key_unknown", `There is no key ${unknown}.`, { detail: { keyId: unknown } });
}
