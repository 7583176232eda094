import type { Transaction } from "../database/database.ts";
import { readPriceListSchedule } from "./price-list-schedule.ts";
import { lockPriceLists, type PublishedPriceList, publishPriceList } from "./price-lists.ts";
import { isSameList } from "./same-list.ts";

/** What became of the prices of the configuration that an instance started with. */
export type FilePublication =
  /** They apply already. */
  | { readonly kind: "in_force"; readonly version: number }
  /** They apply from now on. `replaced` is null for the first list; `announced` replace them when their time comes. */
  | {
      readonly kind: "published";
      readonly version: number;
      readonly replaced: PublishedPriceList | null;
      readonly announced: readonly PublishedPriceList[];
    }
  /** They are those of an announced list, and apply from its time on, not before. */
  | {
      readonly kind: "announced";
      readonly version: number;
      readonly effectiveAt: Date;
      readonly inForce: PublishedPriceList;
    }
  /** The file says what it said at the last start; what was published since stays in force. `version` has the file's prices. */
  | { readonly kind: "outdated"; readonly version: number; readonly inForce: PublishedPriceList };

/**
 * Publishes the prices of a configuration file from now on, unless they apply already, are announced for later, or are the
 * ones that the last start had too: an instance that restarts with an old file must not undo what operators published.
 */
export async function publishFilePrices(
  tx: Transaction,
  list: { readonly body: string; readonly hash: string },
): Promise<FilePublication> {
  await lockPriceLists(tx);
  const { inForce, announced } = await readPriceListSchedule(tx);
  if (inForce === undefined) return await publish(tx, list, null, announced);
  if (isSameList(list, inForce)) {
    await rememberFile(tx, inForce.version);
    return { kind: "in_force", version: inForce.version };
  }
  const waiting = announced.find((stored) => isSameList(list, stored));
  if (waiting !== undefined) {
    const { version, effectiveAt } = waiting;
    await rememberFile(tx, version);
    return { kind: "announced", version, effectiveAt, inForce };
  }
  const last = await readLastFile(tx);
  if (last !== undefined && isSameList(list, last))
    return { kind: "outdated", version: last.version, inForce };
  return await publish(tx, list, inForce, announced);
}

async function publish(
  tx: Transaction,
  list: { readonly body: string; readonly hash: string },
  replaced: PublishedPriceList | null,
  announced: readonly PublishedPriceList[],
): Promise<FilePublication> {
  const { version } = await publishPriceList(tx, { ...list, effectiveAt: null });
  await rememberFile(tx, version);
  return { kind: "published", version, replaced, announced };
}

async function rememberFile(tx: Transaction, version: number): Promise<void> {
  await tx.query("UPDATE farebox.price_lists SET file_read_at = statement_timestamp() WHERE version = $1", [
    version,
  ]);
}

interface LastFile {
  readonly version: number;
  readonly hash: string;
  readonly body: unknown;
}

async function readLastFile(tx: Transaction): Promise<LastFile | undefined> {
  const [last] = await tx.query<LastFile>(
    `SELECT version, hash, body FROM farebox.price_lists WHERE file_read_at IS NOT NULL
     ORDER BY file_read_at DESC, version DESC LIMIT 1`,
  );
  return last;
}
