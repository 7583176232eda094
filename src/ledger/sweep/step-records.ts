import type { Queryable } from "../database/database.ts";

/** When a step last succeeded and last failed, on any instance. */
export interface StepRecord {
  readonly step: string;
  readonly succeededAt: Date | null;
  readonly failedAt: Date | null;
  /** What was said when it failed last. */
  readonly failure: string | null;
}

/** What one instance has to tell of a step: null is a success. */
export interface StepNews {
  readonly step: string;
  readonly failure: string | null;
}

const MAX_FAILURE = 500;

/** Each step once. A row that another instance has just written stays: it says the same. */
export async function writeStepRecords(db: Queryable, news: readonly StepNews[]): Promise<void> {
  if (news.length === 0) return;
  const sorted = news.toSorted((left, right) => (left.step < right.step ? -1 : 1));
  await db.query(
    `INSERT INTO farebox.sweep_steps AS s (step, succeeded_at, failed_at, failure)
     SELECT u.step, CASE WHEN u.failure IS NULL THEN statement_timestamp() END,
       CASE WHEN u.failure IS NOT NULL THEN statement_timestamp() END, u.failure
     FROM unnest($1::text[], $2::text[]) u(step, failure)
     ON CONFLICT (step) DO UPDATE
     SET succeeded_at = coalesce(excluded.succeeded_at, s.succeeded_at), failed_at = coalesce(excluded.failed_at, s.failed_at),
       failure = coalesce(excluded.failure, s.failure)`,
    [sorted.map(({ step }) => step), sorted.map(({ failure }) => failure?.slice(0, MAX_FAILURE) ?? null)],
  );
}

/** In the order of their names. Empty before the first sweep. */
export function readStepRecords(db: Queryable): Promise<StepRecord[]> {
  return db.query(
    `SELECT step, succeeded_at AS "succeededAt", failed_at AS "failedAt", failure FROM farebox.sweep_steps ORDER BY step`,
  );
}
