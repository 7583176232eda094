import type { Credits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { CapWindow, KeyCap } from "../../domain/key-cap.ts";
import type { LimitRule } from "../../domain/limit-rule.ts";
import type { Every } from "../../domain/period.ts";
import type { Queryable, Transaction } from "../database/database.ts";

/** What the configuration says of a plan: recurring grants, request limits and default caps that accounts subscribe to. */
export interface NewPlan {
  readonly name: string;
  /** At most one for each credit type. */
  readonly recurring: readonly RecurringGrant[];
  /** They apply to the plan's accounts besides those of the configuration. */
  readonly limits?: readonly LimitRule[] | undefined;
  /** For keys without caps of their own; at most one for each credit type. */
  readonly caps?: readonly KeyCap[] | undefined;
}

/** A plan as it is stored. */
export interface Plan extends NewPlan {
  readonly limits: readonly LimitRule[];
  readonly caps: readonly KeyCap[];
  /** Counts up with each change. */
  readonly version: number;
}

interface RecurringGrant {
  readonly creditType: string;
  readonly amount: Credits;
  readonly every: Every;
  /** What survives a refresh: nothing, everything, or at most this much. */
  readonly rollover: "none" | "all" | Credits;
  /**
   * Where periods are counted from: the moment at which an account got the plan, or the calendar's days, Mondays, months
   * and years in UTC, of which the running one is granted in full at once. Absent: `assignment`.
   */
  readonly anchor?: "assignment" | "calendar" | undefined;
}

/** As it is stored. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface PlanBody {
  readonly recurring: readonly StoredRecurring[];
  readonly limits: readonly LimitRule[];
  readonly caps: readonly StoredCap[];
}

interface StoredRecurring {
  readonly creditType: string;
  readonly amount: number;
  readonly every: Every;
  readonly rollover: "none" | "all" | number;
  readonly anchor?: "calendar";
}

type StoredCap = { readonly creditType: string } & Readonly<Record<CapWindow, number | null>>;

/** A plan that was published: it is new, or differs from the one before. */
export interface PublishedPlan {
  readonly name: string;
  readonly version: number;
  /** The one before; null when the plan is new. */
  readonly before: Plan | null;
}

/**
 * Stores the configuration's plans; tells those that are new or changed. The sweep makes the accounts that have a changed one
 * follow. A plan that has left the configuration stays, for the accounts that have it. One that stands as it is is not written or locked:
 * of several servers one may be away, and a start that publishes nothing needs it not.
 */
export async function publishPlans(tx: Transaction, plans: readonly NewPlan[]): Promise<PublishedPlan[]> {
  const published: PublishedPlan[] = [];
  const standing = await listStanding(tx, plans);
  // In order of name, so that two instances that start at once do not lock each other out.
  for (const plan of plans.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (standing.has(plan.name)) continue;
    const body = JSON.stringify(bodyOf(plan));
    const created = await tx.query(
      "INSERT INTO farebox.plans (name, body) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name",
      [plan.name, body],
    );
    if (created.length > 0) {
      published.push({ name: plan.name, version: 1, before: null });
      continue;
    }
    const [before] = await tx.query<PlanRow>(`${SELECT} WHERE name = $1 FOR UPDATE`, [plan.name]);
    const [changed] = await tx.query<{ version: number }>(
      `UPDATE farebox.plans SET body = $2, version = version + 1
       WHERE name = $1 AND body <> $2::jsonb RETURNING version`,
      [plan.name, body],
    );
    if (before === undefined || changed === undefined) continue;
    published.push({ name: plan.name, version: changed.version, before: planOf(before) });
  }
  return published;
}

async function listStanding(db: Queryable, plans: readonly NewPlan[]): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(
    `SELECT p.name FROM farebox.plans p JOIN unnest($1::text[], $2::text[]) AS f(name, body) ON f.name = p.name
     WHERE p.body = f.body::jsonb`,
    [plans.map(({ name }) => name), plans.map((plan) => JSON.stringify(bodyOf(plan)))],
  );
  return new Set(rows.map(({ name }) => name));
}

/** Throws FareboxError `plan_unknown`. */
export async function readPlan(db: Queryable, name: string): Promise<Plan> {
  const [row] = await db.query<PlanRow>(`${SELECT} WHERE name = $1`, [name]);
  if (row === undefined) {
    throw new FareboxError(
      "plan_unknown",
      `There is no plan ${name}; \`farebox plan list\` shows those that there are.`,
      { detail: { plan: name } },
    );
  }
  return planOf(row);
}

/** All plans by name. There are as many as the configuration has had. */
export async function listPlans(db: Queryable): Promise<Plan[]> {
  return (await db.query<PlanRow>(`${SELECT} ORDER BY name`)).map(planOf);
}

/** How many accounts have each plan, by name, within seconds. Counts in an index: 0.1 s for a million accounts. */
export async function countAccountsByPlan(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ plan: string; accounts: number }>(
    "SELECT plan, count(*)::int AS accounts FROM farebox.accounts WHERE plan IS NOT NULL GROUP BY plan",
  );
  return new Map(rows.map(({ plan, accounts }) => [plan, accounts]));
}

/** What a plan grants, as the ledger's functions take it: JSON. */
export function storedItems(plan: Pick<NewPlan, "recurring">): string {
  return JSON.stringify(plan.recurring.map(storeRecurring));
}

interface PlanRow {
  readonly name: string;
  readonly version: number;
  readonly body: PlanBody;
}

const SELECT = "SELECT name, version, body FROM farebox.plans";

function bodyOf({ recurring, limits = [], caps = [] }: NewPlan): PlanBody {
  return {
    recurring: recurring.map(storeRecurring),
    limits: limits.map(({ match, requests, windowSeconds, by, counts }) => ({
      match,
      requests,
      windowSeconds,
      by,
      ...(counts === undefined ? {} : { counts }),
    })),
    caps: caps.map(({ creditType, day, month, total }) => ({
      creditType,
      day: day === null ? null : Number(day),
      month: month === null ? null : Number(month),
      total: total === null ? null : Number(total),
    })),
  };
}

function storeRecurring({ creditType, amount, every, rollover, anchor }: RecurringGrant): StoredRecurring {
  return {
    creditType,
    amount: Number(amount),
    every,
    rollover: typeof rollover === "bigint" ? Number(rollover) : rollover,
    ...(anchor === "calendar" ? { anchor } : {}),
  };
}

function planOf({ name, version, body }: PlanRow): Plan {
  return {
    name,
    version,
    recurring: body.recurring.map((item) => ({
      ...item,
      amount: BigInt(item.amount),
      rollover: typeof item.rollover === "number" ? BigInt(item.rollover) : item.rollover,
    })),
    limits: body.limits,
    caps: body.caps.map(({ creditType, day, month, total }) => ({
      creditType,
      day: day === null ? null : BigInt(day),
      month: month === null ? null : BigInt(month),
      total: total === null ? null : BigInt(total),
    })),
  };
}
