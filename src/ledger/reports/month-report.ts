import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";
import { explain } from "./usage-buckets.ts";
import { countTails, findFirstBehind, listUsedShards } from "./usage-tails.ts";

/** What the books of all accounts say of one month of UTC in one credit type. Amounts but `adjusted` are not negative. */
export interface MonthSums {
  readonly charges: number;
  /** What charges took. A refund is not taken off: it counts to its own month. */
  readonly burned: Credits;
  /** What charges asked for and nothing covered. */
  readonly uncollected: Credits;
  readonly refunded: Credits;
  readonly expired: Credits;
  /** Signed. */
  readonly adjusted: Credits;
  /** Grants by source. */
  readonly recurring: Credits;
  readonly promo: Credits;
  readonly topup: Credits;
}

export interface MonthRow extends MonthSums {
  /** Its first moment, in UTC; and that of the next month. */
  readonly month: Date;
  readonly monthEnd: Date;
  readonly creditType: string;
  /** The sum of all pools' balances when the month ended; of the present one, now. */
  readonly outstanding: Credits;
}

export interface MonthReport {
  /** The first months asked for and the one behind the last. */
  readonly from: Date;
  readonly to: Date;
  /** A row for each month and credit type, in the order of time. */
  readonly rows: readonly MonthRow[];
  /** Of what came after this moment something may be missing. Undefined: nothing is missing. */
  readonly completeUntil: Date | undefined;
}

export interface MonthReportQuery {
  /** Any moment of the first month, and of the last. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Ten years. */
const MOST_MONTHS = 120;

/** Without a first month. */
const USUAL_MONTHS = 12;

/**
 * Entries behind their roll-ups that a report adds: half a second of one pool, three where each is another pool's, as after a refresh
 * of all. With more it is made of roll-ups alone.
 */
const MOST_IN_TAILS = 20_000;

/**
 * What was sold, burned, given back, expired and is outstanding, by month and credit type, over all accounts: exactly the sums of
 * the ledger's entries, from sums that the roll-up of usage keeps and the entries behind it, in one snapshot. `creditTypes` have
 * rows even when nothing happened in them.
 *
 * Throws FareboxError `usage_period_invalid`, `usage_period_too_long`; the detail's `errors` name the field.
 */
export function readMonthReport(
  db: Database,
  query: MonthReportQuery,
  creditTypes: readonly string[],
  { mostInTails = MOST_IN_TAILS }: { readonly mostInTails?: number | undefined } = {},
): Promise<MonthReport> {
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const months = listMonths(query, await readNow(tx));
    const shards = await listUsedShards(tx);
    const hasTails = (await countTails(tx, shards)) <= mostInTails;
    const names = await readCreditTypes(tx);
    const found = new MonthTable();
    for (const shard of shards) {
      for (const row of await readSums(tx, shard)) found.add(row);
      if (hasTails) for (const row of await readTails(tx, shard)) found.add(row);
    }
    const types = [...new Set([...creditTypes, ...found.types.map((typeNo) => names.get(typeNo) ?? "")])];
    const numbers = new Map(Array.from(names, ([typeNo, name]) => [name, typeNo]));
    const [first = new Date(0)] = months;
    return {
      from: first,
      to: nextMonth(months.at(-1) ?? first),
      rows: months.flatMap((month) =>
        types.map((creditType) => found.row(month, creditType, numbers.get(creditType))),
      ),
      completeUntil: hasTails ? undefined : await findFirstBehind(tx, shards),
    };
  });
}

interface FoundSums extends Omit<MonthSums, "charges"> {
  readonly typeNo: number;
  readonly month: Date;
  readonly charges: bigint;
}

const NOTHING: MonthSums = {
  charges: 0,
  burned: 0n,
  uncollected: 0n,
  refunded: 0n,
  expired: 0n,
  adjusted: 0n,
  recurring: 0n,
  promo: 0n,
  topup: 0n,
};

/** What was found, by credit type and month. */
class MonthTable {
  readonly #types = new Map<number, Map<number, MonthSums>>();

  get types(): number[] {
    return [...this.#types.keys()].toSorted((one, other) => one - other);
  }

  add({ typeNo, month, ...found }: FoundSums): void {
    const months = this.#types.get(typeNo) ?? new Map<number, MonthSums>();
    this.#types.set(typeNo, months);
    const sums = months.get(month.getTime()) ?? NOTHING;
    months.set(month.getTime(), {
      charges: sums.charges + Number(found.charges),
      burned: sums.burned + found.burned,
      uncollected: sums.uncollected + found.uncollected,
      refunded: sums.refunded + found.refunded,
      expired: sums.expired + found.expired,
      adjusted: sums.adjusted + found.adjusted,
      recurring: sums.recurring + found.recurring,
      promo: sums.promo + found.promo,
      topup: sums.topup + found.topup,
    });
  }

  row(month: Date, creditType: string, typeNo: number | undefined): MonthRow {
    const months =
      (typeNo === undefined ? undefined : this.#types.get(typeNo)) ?? new Map<number, MonthSums>();
    let outstanding = 0n;
    for (const [at, sums] of months) if (at <= month.getTime()) outstanding += computeChange(sums);
    const sums = months.get(month.getTime()) ?? NOTHING;
    return { month, monthEnd: nextMonth(month), creditType, ...sums, outstanding };
  }
}

/** What a month changed in the sum of all balances. */
export function computeChange(sums: MonthSums): Credits {
  const came = sums.recurring + sums.promo + sums.topup + sums.refunded + sums.adjusted;
  return came - sums.burned - sums.expired;
}

/** Some hundred rows: eight for each month and credit type. */
function readSums(tx: Transaction, shard: number): Promise<FoundSums[]> {
  return tx.query<FoundSums>(
    `SELECT type_no AS "typeNo", month, sum(charges)::bigint AS charges, sum(burned)::bigint AS burned,
       sum(uncollected)::bigint AS uncollected, sum(refunded)::bigint AS refunded, sum(expired)::bigint AS expired,
       sum(adjusted)::bigint AS adjusted, sum(recurring)::bigint AS recurring, sum(promo)::bigint AS promo, sum(topup)::bigint AS topup
     FROM farebox.month_sums WHERE shard = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [shard],
  );
}

type TailRow = Readonly<Record<Exclude<keyof FoundSums, "typeNo" | "month">, string>> & {
  readonly typeNo: number;
  readonly month: string;
};

async function readTails(tx: Transaction, shard: number): Promise<FoundSums[]> {
  const [row] = await tx.query<{ sums: readonly TailRow[] }>("SELECT farebox.read_month_tails($1) AS sums", [
    shard,
  ]);
  return (row?.sums ?? []).map(({ typeNo, month, ...sums }) => ({
    typeNo,
    month: new Date(month),
    charges: BigInt(sums.charges),
    burned: BigInt(sums.burned),
    uncollected: BigInt(sums.uncollected),
    refunded: BigInt(sums.refunded),
    expired: BigInt(sums.expired),
    adjusted: BigInt(sums.adjusted),
    recurring: BigInt(sums.recurring),
    promo: BigInt(sums.promo),
    topup: BigInt(sums.topup),
  }));
}

async function readNow(db: Queryable): Promise<Date> {
  const [row] = await db.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  if (row === undefined) throw new Error("the database did not tell its time");
  return row.now;
}

async function readCreditTypes(db: Queryable): Promise<ReadonlyMap<number, string>> {
  const rows = await db.query<{ typeNo: number; creditType: string }>(
    `SELECT type_no AS "typeNo", credit_type AS "creditType" FROM farebox.credit_types`,
  );
  return new Map(rows.map(({ typeNo, creditType }) => [typeNo, creditType]));
}

/** The first moments of the months that are asked for. */
function listMonths({ from, to }: MonthReportQuery, now: Date): Date[] {
  const last = monthOf(to ?? now);
  const first = from === undefined ? addMonths(last, 1 - USUAL_MONTHS) : monthOf(from);
  if (first > last)
    throw new FareboxError(
      "usage_period_invalid",
      ...explain("from", "must not be in a later month than `to`"),
    );
  if (last > monthOf(now))
    throw new FareboxError("usage_period_invalid", ...explain("to", "must not be in a month to come"));
  const months = [first];
  while ((months.at(-1) ?? last) < last) months.push(nextMonth(months.at(-1) ?? last));
  if (months.length > MOST_MONTHS) {
    const reason = `must be at most ${MOST_MONTHS} months before \`to\``;
    throw new FareboxError("usage_period_too_long", ...explain("from", reason));
  }
  return months;
}

function monthOf(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth()));
}

function addMonths(month: Date, count: number): Date {
  return new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + count));
}

function nextMonth(month: Date): Date {
  return addMonths(month, 1);
}
