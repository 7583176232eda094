import type { Credits } from "../../domain/credits.ts";
import type { Database, Queryable, Transaction } from "../database/database.ts";
import { type RefusalRow, readRefusals } from "./refusal-report.ts";
import { listMonths, type MonthPeriod, nextMonth, readNow } from "./report-months.ts";
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
  /** Requests that were refused for want of credits of this type, as the instances counted until some seconds ago. */
  readonly refused: number;
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
  query: MonthPeriod,
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
    const end = nextMonth(months.at(-1) ?? first);
    for (const row of await readRefusals(tx, first, end)) found.addRefused(row);
    return {
      from: first,
      to: end,
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
  readonly #refused = new Map<string, number>();

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

  addRefused({ month, creditType, requests }: RefusalRow): void {
    const name = `${month.getTime()} ${creditType ?? ""}`;
    this.#refused.set(name, (this.#refused.get(name) ?? 0) + requests);
  }

  row(month: Date, creditType: string, typeNo: number | undefined): MonthRow {
    const months =
      (typeNo === undefined ? undefined : this.#types.get(typeNo)) ?? new Map<number, MonthSums>();
    let outstanding = 0n;
    for (const [at, sums] of months) if (at <= month.getTime()) outstanding += computeChange(sums);
    const sums = months.get(month.getTime()) ?? NOTHING;
    const refused = this.#refused.get(`${month.getTime()} ${creditType}`) ?? 0;
    return { month, monthEnd: nextMonth(month), creditType, ...sums, outstanding, refused };
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

async function readCreditTypes(db: Queryable): Promise<ReadonlyMap<number, string>> {
  const rows = await db.query<{ typeNo: number; creditType: string }>(
    `SELECT type_no AS "typeNo", credit_type AS "creditType" FROM farebox.credit_types`,
  );
  return new Map(rows.map(({ typeNo, creditType }) => [typeNo, creditType]));
}
