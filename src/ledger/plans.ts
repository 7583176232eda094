import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { lockAccount, refuseClosed } from "./accounts.ts";
import type { Queryable, Transaction } from "./database/database.ts";

/** Recurring grants that accounts subscribe to. */
export interface Plan {
  readonly name: string;
  readonly recurring: readonly RecurringGrant[];
}

interface RecurringGrant {
  readonly creditType: string;
  readonly amount: Credits;
  readonly every: "day" | "week" | "month" | "year";
  /** What survives a refresh: nothing, everything, or at most this much. */
  readonly rollover: "none" | "all" | Credits;
}

/** As it is stored. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface PlanBody {
  readonly recurring: readonly (Omit<RecurringGrant, "amount" | "rollover"> & {
    readonly amount: number;
    readonly rollover: "none" | "all" | number;
  })[];
}

/**
 * Stores the configuration's plans; returns the names of those that are new or changed. A plan that has left the
 * configuration stays, for the accounts that have it. Accounts keep what they were assigned until they are assigned anew.
 */
export async function publishPlans(tx: Transaction, plans: readonly Plan[]): Promise<string[]> {
  const changed: string[] = [];
  // In order of name, so that two instances that start at once do not lock each other out.
  for (const plan of plans.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const rows = await tx.query(
      `INSERT INTO farebox.plans AS p (name, body) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET body = excluded.body, changed_at = clock_timestamp()
       WHERE p.body <> excluded.body RETURNING name`,
      [plan.name, JSON.stringify(bodyOf(plan))],
    );
    if (rows.length > 0) changed.push(plan.name);
  }
  return changed;
}

/** Throws FareboxError `plan_unknown`. */
export async function readPlan(db: Queryable, name: string): Promise<Plan> {
  const [row] = await db.query<{ body: PlanBody }>("SELECT body FROM farebox.plans WHERE name = $1", [name]);
  if (row === undefined) {
    throw new FareboxError("plan_unknown", `There is no plan ${name}.`, { detail: { plan: name } });
  }
  return planOf(name, row.body);
}

/** All plans by name. There are as many as the configuration has had. */
export async function listPlans(db: Queryable): Promise<Plan[]> {
  const rows = await db.query<{ name: string; body: PlanBody }>(
    "SELECT name, body FROM farebox.plans ORDER BY name",
  );
  return rows.map(({ name, body }) => planOf(name, body));
}

/**
 * Gives an account a plan: from now on it gets the plan's recurring grants, the first at once. Assigning the plan that the
 * account has changes nothing. Throws FareboxError `account_unknown`, `account_closed`, `plan_unknown`.
 */
export async function assignPlan(tx: Transaction, accountId: string, name: string): Promise<void> {
  const account = await lockAccount(tx, accountId);
  if (account.state === "closed") refuseClosed(accountId);
  const plan = await readPlan(tx, name);
  await tx.query("UPDATE farebox.accounts SET plan = $2 WHERE account_id = $1", [accountId, name]);
  await tx.query("SELECT farebox.assign_plan($1, $2, $3, $4::jsonb)", [
    accountId,
    account.shard,
    name,
    JSON.stringify(bodyOf(plan).recurring),
  ]);
}

function bodyOf(plan: Plan): PlanBody {
  return {
    recurring: plan.recurring.map(({ creditType, amount, every, rollover }) => ({
      creditType,
      amount: Number(amount),
      every,
      rollover: typeof rollover === "bigint" ? Number(rollover) : rollover,
    })),
  };
}

function planOf(name: string, body: PlanBody): Plan {
  return {
    name,
    recurring: body.recurring.map((item) => ({
      ...item,
      amount: BigInt(item.amount),
      rollover: typeof item.rollover === "number" ? BigInt(item.rollover) : item.rollover,
    })),
  };
}
