import type { Database } from "../database/database.ts";
import { isDatabaseAway, reasonOf, sqlStateOf } from "../database/storage-error.ts";
import { Turns } from "../database/turns.ts";
import { followKeys, followPlan } from "./account-plan.ts";

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
    ) a OFFSET $4 LIMIT $1)
    UNION ALL
    (SELECT 'keys', account_id FROM farebox.accounts WHERE keys_behind IS NOT NULL ORDER BY account_id OFFSET $5 LIMIT $1)`,
};

const LISTS = ["changes", "plans", "next plans", "keys"] as const;

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
  const stayed = { changes: 0, plans: 0, "next plans": 0, keys: 0 };
  const failures: unknown[] = [];
  const until = performance.now() + LONGEST_MS;
  let accounts = 0;
  let isTimeUp = false;
  let isTried = false;
  let hasSteps = false;
  for (const { list, accountId } of due) {
    const item = itemOf({ list, accountId });
    let isDone = met.get(item);
    if (isDone === undefined) {
      isTimeUp = performance.now() >= until;
      if (isTimeUp) break;
      const resting = turns.restingFor(item);
      isTried ||= resting === undefined;
      if (resting === undefined) isDone = await follow(database, { list, accountId }, turns, failures);
      else failures.push(resting.error);
      isDone ??= false;
      met.set(item, isDone);
      if (isDone) accounts += 1;
      // Its next step is in the same list.
      hasSteps ||= isDone && list === "keys";
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
    ...((isTimeUp || hasSteps || (isTried && LISTS.some(isFull))) && { isMore: true }),
  };
}

/** Its keys follow an account apart. */
const itemOf = ({ list, accountId }: DueRow): string =>
  list === "keys" ? `keys of ${accountId}` : accountId;

/** False: somebody else is at it, or it failed. Rejects when it is the environment that failed. */
async function follow(database: Database, row: DueRow, turns: Turns, failures: unknown[]): Promise<boolean> {
  const act = row.list === "keys" ? followKeys : followPlan;
  const item = itemOf(row);
  try {
    const isDone = await database.transaction(async (tx) => {
      await tx.exec(`SET LOCAL lock_timeout TO ${LOCK_WAIT_MS}`);
      return await act(tx, row.accountId);
    });
    turns.done(item);
    return isDone;
  } catch (error) {
    if (isDatabaseAway(error) && sqlStateOf(error) === undefined) throw error;
    turns.failed(item, error);
    failures.push(error);
    return false;
  }
}
