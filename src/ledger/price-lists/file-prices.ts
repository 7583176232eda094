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
 *
 * Locks and writes nothing where all stands as it is: of several servers one may be away then.
 */
export async function publishFilePrices(
  tx: Transaction,
  list: { readonly body: string; readonly hash: string },
): Promise<FilePublication> {
  const standing = await judge(tx, list);
  if (standing.publication !== undefined && standing.isRemembered) return standing.publication;
  await lockPriceLists(tx);
  const { publication, inForce, announced, isRemembered } = await judge(tx, list);
  if (publication === undefined) return await publish(tx, list, inForce ?? null, announced);
  if (!isRemembered) await rememberFile(tx, publication.version);
  return publication;
}

interface Judgement {
  /** Undefined: the list is to be published. */
  readonly publication: FilePublication | undefined;
  /** Whether it is noted that the last start had this list. */
  readonly isRemembered: boolean;
  readonly inForce: PublishedPriceList | undefined;
  readonly announced: readonly PublishedPriceList[];
}

async function judge(
  tx: Transaction,
  list: { readonly body: string; readonly hash: string },
): Promise<Judgement> {
  // First, because nothing is locked: a list that another start publishes meanwhile is found in force, and not remembered yet.
  const last = await readLastFile(tx);
  const { inForce, announced } = await readPriceListSchedule(tx);
  const judged = (publication: FilePublication | undefined): Judgement => {
    return { publication, isRemembered: last?.version === publication?.version, inForce, announced };
  };
  if (inForce === undefined) return judged(undefined);
  if (isSameList(list, inForce)) return judged({ kind: "in_force", version: inForce.version });
  const waiting = announced.find((stored) => isSameList(list, stored));
  if (waiting !== undefined) {
    const { version, effectiveAt } = waiting;
    return judged({ kind: "announced", version, effectiveAt, inForce });
  }
  if (last !== undefined && isSameList(list, last))
    return judged({ kind: "outdated", version: last.version, inForce });
  return judged(undefined);
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
