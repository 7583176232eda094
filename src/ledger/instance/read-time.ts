import type { Queryable } from "../database/database.ts";

/** The database's clock. */
export async function readDatabaseTime(db: Queryable): Promise<Date> {
  const [row] = await db.query<{ now: Date }>("SELECT clock_timestamp() AS now");
  if (row === undefined) throw new Error("the database told no time");
  return row.now;
}
