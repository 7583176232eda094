import assert from "node:assert/strict";
import type { Answer } from "./call.ts";

/** A line of a pool as the operator API shows it. */
export interface Entry {
  readonly creditType: string;
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  readonly amount: number;
  readonly balance: number;
  readonly requestId: string | null;
  readonly key: string | null;
  readonly endpoint: string | null;
  readonly units: number | null;
  readonly status: number | null;
  readonly priceList: number | null;
}

export interface CreatedKey {
  readonly id: string;
  readonly key: string;
}

/** An account of its own for each test, so that no test sees another's charges or uses up another's rate limit. */
export interface TestAccount {
  readonly id: string;
  /** The first key. */
  readonly key: string;
  addKey(): Promise<CreatedKey>;
  revoke(keyId: string): Promise<void>;
  grant(amount: number, creditType: string): Promise<void>;
  /** `plan` undefined: it is cancelled. */
  changePlan(plan: string | undefined, how?: { when?: "now" | "refresh"; anchorAt?: Date }): Promise<void>;
  /** 0 when the pool does not exist. */
  balance(creditType: string): Promise<number>;
  /** All lines of a pool, oldest first. */
  entries(creditType: string): Promise<readonly Entry[]>;
  /** Its latest lines, the newest first. */
  latest(creditType: string, limit: number): Promise<readonly Entry[]>;
}

/** What a call did to one pool. */
export interface Effect {
  readonly answer: Answer;
  readonly cost: number;
  readonly charges: readonly Entry[];
}

/**
 * Makes the call and reads its effect from the pool and from its lines, which must say the same: what the balance lost is
 * what the new lines took, nothing is left held, and each line carries the balance after it.
 */
export async function observe(
  account: TestAccount,
  creditType: string,
  call: () => Promise<Answer>,
): Promise<Effect> {
  const before = await account.entries(creditType);
  const balanceBefore = await account.balance(creditType);
  const answer = await call();
  const balance = await account.balance(creditType);
  const charges = (await account.entries(creditType)).slice(before.length);
  assert.equal(toMicro(balance), toMicro(balanceBefore) + sum(charges));
  if (charges.length > 0) assert.equal(charges.at(-1)?.balance, balance);
  for (const charge of charges) assert.equal(charge.kind, "charge");
  return { answer, cost: (0 - sum(charges)) / 1_000_000, charges };
}

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, entry) => total + toMicro(entry.amount), 0);
}

/** Amounts are JSON numbers with at most six decimals: as integers they add up exactly. */
export function toMicro(amount: number): number {
  return Math.round(amount * 1_000_000);
}
