import type { Credits } from "../domain/credits.ts";
import type { Queryable } from "./database/database.ts";

/** What an account spent on one endpoint in one credit type. */
export interface EndpointUsage {
  readonly creditType: string;
  readonly endpoint: string;
  readonly requests: number;
  readonly units: number;
  readonly credits: Credits;
  /** The part of `credits` that refunds gave back. */
  readonly refunded: Credits;
}

export interface UsageQuery {
  readonly accountId: string;
  readonly shard: number;
  /** Undefined: all. */
  readonly creditType?: string | undefined;
  /** Whole quarters of an hour: the one in which `from` lies is counted, the one in which `to` lies only if `to` is not its beginning. */
  readonly from: Date;
  readonly to: Date;
}

/** Total of the roll-ups by credit type and endpoint, the most expensive first. Refunds count to the quarter of an hour of their charge. */
export async function readUsage(db: Queryable, query: UsageQuery): Promise<readonly EndpointUsage[]> {
  const rows = await db.query<
    Omit<EndpointUsage, "requests" | "units"> & { requests: bigint; units: bigint }
  >(
    `SELECT credit_type AS "creditType", endpoint, sum(requests)::bigint AS requests, sum(units)::bigint AS units,
       sum(credits)::bigint AS credits, sum(refunded)::bigint AS refunded
     FROM farebox.usage
     WHERE account_id = $1 AND shard = $2 AND ($3::text IS NULL OR credit_type = $3)
       AND quarter >= farebox.quarter_of($4) AND quarter < $5::timestamptz
     GROUP BY credit_type, endpoint ORDER BY sum(credits) DESC, credit_type, endpoint`,
    [query.accountId, query.shard, query.creditType, query.from, query.to],
  );
  return rows.map((row) => ({
    creditType: row.creditType,
    endpoint: row.endpoint,
    requests: Number(row.requests),
    units: Number(row.units),
    credits: row.credits,
    refunded: row.refunded,
  }));
}
