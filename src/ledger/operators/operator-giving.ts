import { type Credits, formatCredits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Operator } from "../../domain/operator-role.ts";
import type { Queryable, Transaction } from "../database/database.ts";

/** Days of which is kept what was given: only today's counts. */
const KEEP_DAYS = 7;

/**
 * Counts what a grant, a refund or a released long hold gave against the limits of who gave it, in the gift's own transaction: over a limit both are
 * undone. Locks the day's row after the pool's. Who has no limits is not counted. Throws FareboxError `giving_limit_exceeded`.
 */
export async function countGiven(
  tx: Transaction,
  { actor, limits }: Operator,
  given: Credits,
): Promise<void> {
  if (limits === null || given === 0n) return;
  if (given > limits.each)
    refuse(`one grant, refund or released hold gives at most ${formatCredits(limits.each)}`, given);
  const [row] = await tx.query<{ given: Credits }>(
    `INSERT INTO farebox.operator_giving AS g (actor, day, given)
     VALUES ($1, (statement_timestamp() AT TIME ZONE 'UTC')::date, $2)
     ON CONFLICT (actor, day) DO UPDATE SET given = g.given + excluded.given
     RETURNING given`,
    [actor, given],
  );
  if (row !== undefined && row.given > limits.day) {
    refuse(
      `all of one day (UTC) give at most ${formatCredits(limits.day)}, and ${formatCredits(row.given - given)} were given`,
      given,
    );
  }
}

/** Deletes what was given on days that are over; returns how many rows. */
export async function sweepGiving(db: Queryable): Promise<number> {
  const rows = await db.query(
    `DELETE FROM farebox.operator_giving
     WHERE day < (statement_timestamp() AT TIME ZONE 'UTC')::date - $1::int RETURNING 1 AS one`,
    [KEEP_DAYS],
  );
  return rows.length;
}

function refuse(limit: string, given: Credits): never {
  throw new FareboxError(
    "giving_limit_exceeded",
    `This would give ${formatCredits(given)} credits. Your limit: ${limit}. Ask someone without limits.`,
    { detail: { given: formatCredits(given) } },
  );
}
