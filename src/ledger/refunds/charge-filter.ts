import { FareboxError } from "../../domain/farebox-error.ts";
import type { Parameter, Queryable } from "../database/database.ts";

/** Which charges. What is undefined does not matter. */
export interface ChargeFilter {
  /** At or after this moment. */
  readonly from: Date;
  /** Before this moment, which is not after the database's now: so no charge joins the others later. */
  readonly to: Date;
  readonly accountId?: string | undefined;
  readonly creditType?: string | undefined;
  /** As its price writes it. */
  readonly endpoint?: string | undefined;
  readonly keyId?: string | undefined;
  /** The version that priced the charge. */
  readonly priceList?: number | undefined;
  /** The upstream's status. */
  readonly status?: number | undefined;
}

/** Entries that one statement reads at most: some 20 ms, for which PGlite, with its one connection, does nothing else. */
export const SCANNED_ENTRIES = 20_000;

/** SQL: whether the entry `e` is a charge that matches, by {@link chargeParameters} from `$<first>` on. */
export function chargeConditions(first: number): string {
  return `e.kind = 'c' AND e.at >= $${first}::timestamptz AND e.at < $${first + 1}::timestamptz
    AND ($${first + 2}::text IS NULL
      OR e.endpoint_no = (SELECT n.endpoint_no FROM farebox.endpoints n WHERE n.endpoint = $${first + 2}))
    AND ($${first + 3}::text IS NULL OR e.key_no = (SELECT k.key_no FROM farebox.keys k WHERE k.key_id = $${first + 3}))
    AND ($${first + 4}::int IS NULL OR e.price_list = $${first + 4})
    AND ($${first + 5}::int IS NULL OR e.status = $${first + 5})`;
}

export function chargeParameters(filter: ChargeFilter): readonly Parameter[] {
  return [filter.from, filter.to, filter.endpoint, filter.keyId, filter.priceList, filter.status];
}

/**
 * Throws FareboxError `charge_period_open` unless the period is over by the database's clock. Charges get their time under
 * their pool's lock: whoever locks a pool after this sees all of them.
 */
export async function checkPeriodOver(db: Queryable, { to }: ChargeFilter): Promise<void> {
  const [row] = await db.query<{ isOver: boolean; now: Date }>(
    `SELECT c.now, $1::timestamptz <= c.now AS "isOver" FROM (SELECT clock_timestamp() AS now) c`,
    [to],
  );
  if (row?.isOver === true) return;
  const reason = `must not be after the database's now, ${row?.now.toISOString()}`;
  throw new FareboxError("charge_period_open", `The period is not over: \`to\` ${reason}.`, {
    detail: { errors: [{ path: "filter.to", reason }] },
  });
}
