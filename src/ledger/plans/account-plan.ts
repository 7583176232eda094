import { FareboxError } from "../../domain/farebox-error.ts";
import { findAccountNo } from "../accounts/account-no.ts";
import { type Account, lockAccount, readAccount, refuseClosed } from "../accounts/accounts.ts";
import {
  KEYS_AT_ONCE,
  KEYS_WITH_ACCOUNT,
  readKeysBehind,
  touch,
  writeKeysBehind,
} from "../accounts/touch-keys.ts";
import type { Transaction } from "../database/database.ts";
import { applyDefaultCaps } from "../keys/key-caps.ts";
import { numberCreditTypes } from "../pools/pool-key.ts";
import { type Plan, readPlan, storedItems } from "./plans.ts";

/**
 * When a change of plan takes effect: at once, or at the next refresh of the longest period that the present plan grants at;
 * a plan that grants nothing at intervals has no refresh and is left at once.
 */
export type PlanMoment = "now" | "refresh";

export interface PlanAssignment {
  /** `now` when it is not given. */
  readonly when?: PlanMoment | undefined;
  /**
   * With `now`: the moment from which periods are counted. One in the past: the running period is granted at once. One ahead:
   * the first grant comes then. Absent: the moment of the assignment.
   */
  readonly anchorAt?: Date | undefined;
}

/**
 * Gives an account a plan. Now: what the plan before granted stays until it would have expired, and the first grants of the new
 * one come at once. At the refresh: the plan before grants nothing at or after that moment, and the new one begins then. A pending
 * change is replaced; the plan that the account has already only withdraws it, or counts its periods from another `anchorAt`.
 * Nothing is ever granted twice for the same period counted from the same moment. Throws FareboxError `account_unknown`,
 * `account_closed`, `plan_unknown`.
 */
export async function assignPlan(
  tx: Transaction,
  accountId: string,
  name: string,
  { when = "now", anchorAt }: PlanAssignment = {},
): Promise<Account> {
  const account = await lockOpenAccount(tx, accountId);
  const plan = await readPlan(tx, name);
  const present = await readPresentPlan(tx, account);
  await tx.query("SELECT farebox.change_plan($1, $2, $3, $4, $5::jsonb, $6, $7, $8, NULL)", [
    account.shard,
    await findAccountNo(tx, account),
    name,
    plan.version,
    storedItems(plan),
    await numberTypesOf(tx, [plan, present]),
    when === "refresh",
    anchorAt,
  ]);
  return await tellKeys(tx, accountId);
}

/**
 * Takes an account's plan away, now or at the refresh; see {@link assignPlan}. What it granted stays until it would have expired.
 * An account without a plan stays as it is. Throws FareboxError `account_unknown`, `account_closed`.
 */
export async function cancelPlan(tx: Transaction, accountId: string, when: PlanMoment): Promise<Account> {
  const account = await lockOpenAccount(tx, accountId);
  await tx.query("SELECT farebox.change_plan($1, $2, NULL, NULL, '[]', $3, $4, NULL, NULL)", [
    account.shard,
    await findAccountNo(tx, account),
    await numberTypesOf(tx, [await readPresentPlan(tx, account)]),
    when === "refresh",
  ]);
  return await tellKeys(tx, accountId);
}

/**
 * Withdraws the pending change of an account's plan. Throws FareboxError `account_unknown`, `account_closed`,
 * `plan_change_unknown` (none is pending, or it has taken effect).
 */
export async function keepPlan(tx: Transaction, accountId: string): Promise<Account> {
  const account = await lockOpenAccount(tx, accountId);
  const [row] = await tx.query<{ kept: boolean }>("SELECT farebox.keep_plan($1, $2, '{}', NULL) AS kept", [
    account.shard,
    await findAccountNo(tx, account),
  ]);
  if (row?.kept !== true) {
    throw new FareboxError(
      "plan_change_unknown",
      `No change of the plan of ${accountId} is pending: there was none, or it has taken effect.`,
      { detail: { accountId } },
    );
  }
  return await readAccount(tx, accountId);
}

/**
 * Brings one account up to date: a change whose moment has come takes effect, and a plan that was published anew is followed.
 * False when somebody else is at it.
 */
export async function followPlan(tx: Transaction, accountId: string): Promise<boolean> {
  const [locked] = await tx.query<{ shard: number; accountNo: number }>(
    `SELECT shard, account_no AS "accountNo" FROM farebox.accounts WHERE account_id = $1 FOR UPDATE SKIP LOCKED`,
    [accountId],
  );
  if (locked === undefined) return false;
  const { plan: name, nextPlan, state } = await readAccount(tx, accountId);
  const names = state === "closed" ? [] : [name, nextPlan].filter((plan) => plan !== null);
  // An account that has no plan any more: the change of which this is the end takes effect.
  if (names.length === 0) {
    await tx.query("SELECT farebox.change_plan($1, $2, NULL, NULL, '[]', '{}', false, NULL, NULL)", [
      locked.shard,
      locked.accountNo,
    ]);
  }
  const plans: Plan[] = [];
  for (const followed of names) plans.push(await readPlan(tx, followed));
  for (const plan of plans) {
    await tx.query("SELECT farebox.follow_plan($1, $2, $3, $4, $5::jsonb, $6, NULL)", [
      locked.shard,
      locked.accountNo,
      plan.name,
      plan.version,
      storedItems(plan),
      await numberTypesOf(tx, plans),
    ]);
  }
  await tellKeys(tx, accountId);
  return true;
}

async function lockOpenAccount(tx: Transaction, accountId: string): Promise<Account> {
  const account = await lockAccount(tx, accountId);
  if (account.state === "closed") refuseClosed(accountId);
  return account;
}

/**
 * One step of an account whose keys do not all fit into the transaction in which its plan, state or prices changed: brings the next ones
 * up to date. What it did stays done, any process may take the next step, and a step that is taken twice changes nothing. False when
 * somebody else is at it, or no key is behind.
 */
export async function followKeys(tx: Transaction, accountId: string): Promise<boolean> {
  const [behind] = await tx.query<{ after: string }>(
    `SELECT keys_behind AS after FROM farebox.accounts WHERE account_id = $1 AND keys_behind IS NOT NULL
     FOR UPDATE SKIP LOCKED`,
    [accountId],
  );
  if (behind === undefined) return false;
  await tellKeys(tx, accountId, { after: behind.after, most: KEYS_AT_ONCE });
  return true;
}

/**
 * Gives keys the plan's caps, and lets caches learn of other limits: the first ones now, the others in steps. Keys come after pools in the
 * order of locks.
 */
async function tellKeys(
  tx: Transaction,
  accountId: string,
  { after, most } = { after: "", most: KEYS_WITH_ACCOUNT },
): Promise<Account> {
  const account = await readAccount(tx, accountId);
  const plan = await readPresentPlan(tx, account);
  let last: string | null = after;
  for (let done = 0; last !== null && done < most; done += KEYS_AT_ONCE) {
    const chunk = await readKeysBehind(tx, accountId, last);
    await applyDefaultCaps(tx, account, chunk.active, plan?.caps ?? []);
    await touch(tx, chunk.others);
    last = chunk.last;
  }
  await writeKeysBehind(tx, accountId, last);
  return account;
}

async function readPresentPlan(tx: Transaction, { plan }: Account): Promise<Plan | undefined> {
  return plan === null ? undefined : await readPlan(tx, plan);
}

/**
 * The numbers of all credit types in these plans: their pools are locked at once, in the order of their keys, whatever is done
 * with them later.
 */
async function numberTypesOf(tx: Transaction, plans: readonly (Plan | undefined)[]): Promise<number[]> {
  const items = plans.flatMap((plan) => (plan === undefined ? [] : [...plan.recurring, ...plan.caps]));
  return await numberCreditTypes(
    tx,
    items.map(({ creditType }) => creditType),
  );
}
