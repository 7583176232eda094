import type { Credits } from "../../domain/credits.ts";

/** A grant as a contract shows it. */
export interface GrantFacts {
  readonly grantId: string;
  /** `recurring`, `topup`, `promo`, `adjustment` or `refund`. */
  readonly source: string;
  readonly amount: Credits;
  readonly remaining: Credits;
  readonly grantedAt: Date;
  readonly expiresAt: Date | null;
}

/** One pool as a contract shows it. */
export interface BalanceFacts {
  readonly creditType: string;
  readonly balance: Credits;
  readonly held: Credits;
  /** All that was ever taken from it: by charges, also what refunds gave back, and by adjustments. */
  readonly lifetime: Credits;
  /** What charges took since its period began, without what refunds gave back; undefined: it was not read. */
  readonly used: Credits | undefined;
  /** With something left, in the order in which they are drawn. */
  readonly grants: readonly GrantFacts[];
  readonly recurring:
    | {
        readonly amount: Credits;
        readonly every: "day" | "week" | "month" | "year";
        /** When the present period began. */
        readonly startedAt: Date;
        /** Null: nothing is granted any more. */
        readonly nextAt: Date | null;
        readonly rollover: boolean;
      }
    | undefined;
}

/** Whose pools they are. */
export interface AccountFacts {
  readonly accountId: string;
  readonly name: string;
  readonly plan: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a contract shows of an account. */
export interface AccountState {
  /** Unix milliseconds at which it was read. */
  readonly at: number;
  /** One for each credit type of the configuration, in its order, and behind them those that are no longer sold. */
  readonly pools: readonly BalanceFacts[];
  /** Undefined: it was not read. */
  readonly account: AccountFacts | undefined;
}

/** What of an account a template reads: what it does not read is not asked for. */
export interface StateNeeds {
  readonly pools: boolean;
  /** {@link BalanceFacts.used} */
  readonly used: boolean;
  readonly account: boolean;
}

/** A pool's period: since the last refresh, and without a recurring grant the calendar's month of UTC. */
export function periodOf(
  pool: BalanceFacts | undefined,
  nowMs: number,
): { readonly start: number; readonly end: number | null } {
  const recurring = pool?.recurring;
  if (recurring !== undefined) {
    return { start: recurring.startedAt.getTime(), end: recurring.nextAt?.getTime() ?? null };
  }
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return { start: Date.UTC(year, month, 1), end: Date.UTC(year, month + 1, 1) };
}
