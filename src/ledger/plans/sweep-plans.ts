import type { Database } from "../database/database.ts";
import { followPlan } from "./account-plan.ts";

/** Accounts in one sweep, a transaction of some milliseconds each, so that many of them do not keep other sweeps waiting. */
const CHUNK = 500;

/** One whose pool or key somebody keeps locked for longer follows with the next sweep. */
const LOCK_WAIT_MS = 100;

/**
 * Changes of plan that have come, and plans that were published anew, of at most so many accounts. By index: it reads nothing
 * when there is nothing to do.
 */
const DUE = {
  name: "due-plans",
  text: `(SELECT account_id AS "accountId" FROM farebox.accounts
      WHERE next_plan_at <= (SELECT clock_timestamp()) ORDER BY next_plan_at LIMIT $1)
    UNION
    (SELECT a."accountId" FROM farebox.plans p CROSS JOIN LATERAL (
      SELECT c.account_id AS "accountId" FROM farebox.accounts c
      WHERE c.plan = p.name AND c.plan_version < p.version ORDER BY c.plan_version LIMIT $1
    ) a LIMIT $1)
    UNION
    (SELECT a."accountId" FROM farebox.plans p CROSS JOIN LATERAL (
      SELECT c.account_id AS "accountId" FROM farebox.accounts c
      WHERE c.next_plan = p.name AND c.next_plan_version < p.version ORDER BY c.next_plan_version LIMIT $1
    ) a LIMIT $1)
    ORDER BY 1`,
};

/** What a sweep of plans did. */
export interface PlanSweep {
  readonly accounts: number;
  /** Accounts whose books contradict each other (the audit names them): they must not keep the others from their plans. */
  readonly failed: number;
}

/**
 * Brings accounts up to date with their plans, in chunks: any process may stop in between and another one goes on. Grants need
 * none of it; request limits, caps and what accounts are shown as their plan's follow within seconds.
 */
export async function sweepPlans(database: Database): Promise<PlanSweep> {
  const due = await database.query<{ accountId: string }>(DUE, [CHUNK]);
  let accounts = 0;
  let failed = 0;
  let failure: unknown;
  for (const { accountId } of due) {
    try {
      const isDone = await database.transaction(async (tx) => {
        await tx.exec(`SET LOCAL lock_timeout TO ${LOCK_WAIT_MS}`);
        return await followPlan(tx, accountId);
      });
      if (isDone) accounts += 1;
    } catch (error) {
      failed += 1;
      failure = error;
    }
  }
  // None at all: it is not the accounts.
  if (failed > 0 && accounts === 0) throw failure;
  return { accounts, failed };
}
