import { FareboxError } from "../../domain/farebox-error.ts";
import { unknownAccount } from "../accounts/unknown-account.ts";
import type { Numbers } from "../instance/numbers.ts";
import type { Work } from "./lane-work.ts";

/** Everything that items name, whose numbers a batch needs. */
export function* named(works: readonly Work[]): Generator<Parameters<Numbers["poolOf"]>[0]> {
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
