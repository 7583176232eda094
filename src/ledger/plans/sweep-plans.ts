import type { Database } from "../database/database.ts";
import { isDatabaseAway, reasonOf, sqlStateOf } from "../database/storage-error.ts";
import { Turns } from "../database/turns.ts";
import { followPlan } from "./account-plan.ts";

/** Accounts of each list in one sweep, a transaction of some milliseconds each, so that many of them do not keep other sweeps waiting. */
const CHUNK = 500;

/** So long at the most: those whose rows somebody keeps locked take a tenth of a second each. */
const LONGEST_MS = 5_000;

/** One whose pool or key somebody keeps locked for longer follows with a later sweep. */
const LOCK_WAIT_MS = 100;

/**
 * Changes of plan that have come, and plans that were published anew, of at most so many accounts, without the first of each list. By
 * index: it reads nothing when there is nothing to do.
 */
const DUE = {
  name: "due-plans",
  text: `(SELECT 'changes' AS list, account_id AS "accountId" FROM farebox.accounts
      WHERE next_plan_at <= (SELECT clock_timestamp()) ORDER BY next_plan_at OFFSET $2 LIMIT $1)
    UNION ALL
    (SELECT 'plans', a."accountId" FROM farebox.plans p CROSS JOIN LATERAL (
      SELECT c.account_id AS "accountId" FROM farebox.accounts c
      WHERE c.plan = p.name AND c.plan_version < p.version ORDER BY c.plan_version LIMIT $1::bigint + $3::bigint
    ) a OFFSET $3 LIMIT $1)
    UNION ALL
    (SELECT 'next plans', a."accountId" FROM farebox.plans p CROSS JOIN LATERAL (
      SELECT c.account_id AS "accountId" FROM farebox.accounts c
      WHERE c.next_plan = p.name AND c.next_plan_version < p.version ORDER BY c.next_plan_version LIMIT $1::bigint + $4::bigint
    ) a OFFSET $4 LIMIT $1)`,
};

const LISTS = ["changes", "plans", "next plans"] as const;

interface DueRow {
  readonly list: (typeof LISTS)[number];
  readonly accountId: string;
}

/** What a sweep of plans did. */
export interface PlanSweep {
  readonly accounts: number;
  /** Accounts whose books contradict each other (the audit names them), or are locked: they must not keep the others from their plans. */
  readonly failed: number;
  /** Why the first of them failed. */
  readonly reason?: string;
  /** There are more. */
  readonly isMore?: true;
  /** It began behind some that had stayed in front. */
  readonly isPart?: true;
}

/**
 * Brings accounts up to date with their plans, in chunks: any process may stop in between and another one goes on. Grants need
 * none of it; request limits, caps and what accounts are shown as their plan's follow within seconds. `turns` is kept from one sweep to
 * the next.
 */
export async function sweepPlans(database: Database, turns = new Turns()): Promise<PlanSweep> {
  const places = LISTS.map((list) => turns.placeIn(list));
  const due = await database.query<DueRow>(DUE, [CHUNK, ...places]);
  const met = new Map<string, boolean>();
  const stayed = { changes: 0, plans: 0, "next plans": 0 };
  const failures: unknown[] = [];
  const until = performance.now() + LONGEST_MS;
  let accounts = 0;
  let isTimeUp = false;
  let isTried = false;
  for (const { list, accountId } of due) {
    let isDone = met.get(accountId);
    if (isDone === undefined) {
      isTimeUp = performance.now() >= until;
      if (isTimeUp) break;
      const resting = turns.restingFor(accountId);
      isTried ||= resting === undefined;
      if (resting === undefined) isDone = await follow(database, accountId, turns, failures);
      else failures.push(resting.error);
      isDone ??= false;
      met.set(accountId, isDone);
      if (isDone) accounts += 1;
    }
    if (!isDone) stayed[list] += 1;
  }
  const isFull = (list: DueRow["list"]): boolean => due.filter((row) => row.list === list).length === CHUNK;
  for (const list of LISTS) {
    turns.moveOn(list, turns.placeIn(list) + stayed[list], !isTimeUp && !isFull(list));
  }
  const [first] = failures;
  return {
    accounts,
    failed: failures.length,
    ...(first !== undefined && { reason: reasonOf(first) }),
    ...(places.some((place) => place > 0) && { isPart: true }),
    ...((isTimeUp || (isTried && LISTS.some(isFull))) && { isMore: true }),
  };
}

/** False: somebody else is at it, or it failed. Rejects when it is the environment that failed. */
async function follow(
  database: Database,
  accountId: string,
  turns: Turns,
  failures: unknown[],
): Promise<boolean> {
  try {
    const isDone = await database.transaction(async (tx) => {
      await tx.exec(`SET LOCAL lock_timeout TO ${LOCK_WAIT_MS}`);
      return await followPlan(tx, accountId);
    });
    turns.done(accountId);
    return isDone;
  } catch (error) {
    if (isDatabaseAway(error) && sqlStateOf(error) === undefined) throw error;
    turns.failed(accountId, error);
    failures.push(error);
    return false;
  }
}
