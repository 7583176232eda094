import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Transaction } from "../database/database.ts";
import { MergedSums } from "./merged-sums.ts";
import {
  checkPeriod,
  checkTimeZone,
  computeBuckets,
  explain,
  readPeriod,
  roundToQuarters,
} from "./usage-buckets.ts";
import { groupLines, renderLines, totalsOf, WHOLE } from "./usage-lines.ts";
import type { UsageReportQuery, UsageRow, UsageSums } from "./usage-query.ts";
import {
  type FoundSums,
  type FoundUsage,
  listTails,
  readUsageSums,
  type SumsQuery,
  type TailPiece,
} from "./usage-sums.ts";
import { countTails, findFirstBehind, listUsedShards } from "./usage-tails.ts";

export interface UsageReport {
  /** What was counted: the query's period in whole quarters of an hour. */
  readonly from: Date;
  readonly to: Date;
  /**
   * In the order of time, the most credits first within a time. With a resolution, what has usage at some time of the
   * period has a line, maybe of zeros, for each time.
   */
  readonly rows: readonly UsageRow[];
  /** The sums of the rows by credit type. */
  readonly totals: readonly UsageSums[];
  /**
   * What happened before this moment is counted; of what came later, charges and refunds may be missing. Undefined: nothing is
   * missing.
   */
  readonly completeUntil: Date | undefined;
}

/** A report is made, and mostly sent, in one piece: about 4 MB of JSON. */
const MAX_ROWS = 20_000;

/** Entries behind their roll-ups that a report over all accounts adds: half a second. With more it is made of roll-ups alone. */
const MOST_IN_TAILS = 100_000;

/** The same of the report on one account: some 50 ms. */
const MOST_IN_TAILS_OF_ONE = 30_000;

/** For answers that have no word for what is missing: however many entries are behind, they are added, in pieces. */
export const ALL_TAILS = Number.MAX_SAFE_INTEGER;

/**
 * What was charged in a period, from the roll-ups and the entries behind them, in one snapshot: exactly the sum of the entries
 * that the ledger has in it. Refunds count to the time of their charge. `creditTypes` are in the totals even when nothing was
 * charged in them, and in the rows when these are grouped by nothing but time: the configuration's, or the one that the query
 * names. In a transaction it reads that one's snapshot.
 *
 * Throws FareboxError `usage_period_invalid`, `usage_period_too_long`, `time_zone_unknown`, `usage_too_large`; the detail's
 * `errors` name the field: `from`, `to`, `timeZone`, `groupBy`.
 *
 * `mostInTails`: entries behind their roll-ups that are added; by default 30,000 of one account, 100,000 of all. With more it is made of
 * roll-ups alone, and `completeUntil` says until when it is complete. With {@link ALL_TAILS} they are read in pieces of `pieceSize`.
 */
export async function readUsageReport(
  db: Database | Transaction,
  query: UsageReportQuery,
  creditTypes: readonly string[],
  {
    mostInTails,
    pieceSize = MOST_IN_TAILS_OF_ONE,
  }: { readonly mostInTails?: number | undefined; readonly pieceSize?: number } = {},
): Promise<UsageReport> {
  checkTimeZone(query.timeZone);
  const { resolution } = query;
  const asked = await readPeriod(db, query, query.timeZone, resolution);
  await checkPeriod(db, asked, query.timeZone, resolution);
  const period = roundToQuarters(asked);
  const starts =
    resolution === undefined ? [period.from] : await computeBuckets(db, period, query.timeZone, resolution);
  const { found, completeUntil } = await readSums(db, query, [...starts, period.to], mostInTails, pieceSize);
  const lines = groupLines(found, query.groupBy.length === 0 ? creditTypes : []);
  if (lines.length * starts.length > MAX_ROWS) refuseTooLarge();
  const times =
    resolution === undefined
      ? [WHOLE]
      : starts.map((time, index) => ({ time, timeEnd: starts[index + 1] ?? period.to }));
  const rows = renderLines(lines, times);
  return { ...period, rows, totals: totalsOf(lines, creditTypes), completeUntil };
}

interface Found {
  /** Of one bucket and group there may be several. */
  readonly found: readonly FoundSums[];
  readonly completeUntil: Date | undefined;
}

async function readSums(
  db: Database | Transaction,
  query: UsageReportQuery,
  bounds: readonly Date[],
  most: number | undefined,
  pieceSize: number,
): Promise<Found> {
  const { account } = query;
  if (account !== undefined) {
    const { accountId, shard } = account;
    const tails = Math.min(most ?? MOST_IN_TAILS_OF_ONE, pieceSize);
    const { sums, completeUntil } = await readSumsOf(db, query, { accountId, shard, bounds, tails });
    if (completeUntil === undefined || most !== ALL_TAILS) return { found: sums, completeUntil };
    const found = await inSnapshot(db, (tx) =>
      readInPieces(tx, query, { accountId, shard, bounds }, pieceSize),
    );
    return { found, completeUntil: undefined };
  }
  const mostInTails = most ?? MOST_IN_TAILS;
  return inSnapshot(db, (tx) => readSumsOfAll(tx, query, bounds, mostInTails));
}

async function inSnapshot<T>(db: Database | Transaction, read: (tx: Transaction) => Promise<T>): Promise<T> {
  if ("inTransaction" in db) return read(db);
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return read(tx);
  });
}

/**
 * All of an account, however much is behind its roll-ups: so many entries in a statement, so that none comes near the time that one may
 * take, in one snapshot. What is kept in between are lines of the report.
 */
async function readInPieces(
  tx: Transaction,
  query: UsageReportQuery,
  part: { readonly accountId: string; readonly shard: number; readonly bounds: readonly Date[] },
  pieceSize: number,
): Promise<readonly FoundSums[]> {
  const merged = new MergedSums(MAX_ROWS);
  const add = async (tails: boolean, piece?: TailPiece): Promise<void> => {
    const { sums } = await readSumsOf(tx, query, { ...part, tails, piece });
    if (!merged.add(sums)) refuseTooLarge();
  };
  await add(false);
  for (const tail of await listTails(tx, { ...part, creditType: query.creditType })) {
    for (let { seq } = tail; seq < tail.lastSeq; seq += BigInt(pieceSize)) {
      const end = seq + BigInt(pieceSize);
      await add(true, { ...tail, seq, lastSeq: end < tail.lastSeq ? end : tail.lastSeq });
    }
  }
  return merged.list();
}

/** Shard by shard: on Citus each statement goes whole to the server that has the shard. */
async function readSumsOfAll(
  tx: Transaction,
  query: UsageReportQuery,
  bounds: readonly Date[],
  mostInTails: number,
): Promise<Found> {
  const shards = await listUsedShards(tx);
  // Tables that were never analysed look small: they would be read whole for each part of a bucket.
  await tx.exec("SET LOCAL enable_seqscan TO off");
  const hasTails = (await countTails(tx, shards)) <= mostInTails;
  const found: FoundSums[] = [];
  for (const shard of shards) {
    const part = { accountId: undefined, shard, bounds, tails: hasTails };
    const { sums } = await readSumsOf(tx, query, part);
    for (const row of sums) found.push(row);
  }
  return { found, completeUntil: hasTails ? undefined : await findFirstBehind(tx, shards) };
}

/** One more row than allowed is enough to know that there are too many. */
async function readSumsOf(
  db: Database | Transaction,
  { creditType, endpoint, keyId, groupBy }: UsageReportQuery,
  part: Pick<SumsQuery, "shard" | "accountId" | "bounds" | "tails" | "piece">,
): Promise<FoundUsage> {
  const found = await readUsageSums(db, {
    creditType,
    endpoint,
    keyId,
    groupBy,
    limit: MAX_ROWS + 1,
    ...part,
  });
  if (found.sums.length > MAX_ROWS) refuseTooLarge();
  return found;
}

export function refuseTooLarge(): never {
  const reason = `asks for more than ${MAX_ROWS} lines: ask for a shorter period, one endpoint or key, or fewer groups`;
  throw new FareboxError("usage_too_large", ...explain("groupBy", reason));
}
