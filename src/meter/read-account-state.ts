import type { AccountState, BalanceFacts, StateNeeds } from "../contract/account/account-state.ts";
import { periodOf } from "../contract/account/account-state.ts";
import { readAccount } from "../ledger/accounts/accounts.ts";
import type { Database } from "../ledger/database/database.ts";
import type { PoolBalance } from "../ledger/ledger.ts";
import { ALL_TAILS, readUsageReport } from "../ledger/reports/usage-report.ts";
import type { Identity, Meter } from "./meter.ts";

/** A pool as a contract shows it. */
export function toBalanceFacts(pool: PoolBalance): BalanceFacts {
  const { creditType, balance, held, spent, grants, recurring } = pool;
  return {
    creditType,
    balance,
    held,
    lifetime: spent,
    used: undefined,
    grants,
    recurring: recurring === null ? undefined : { ...recurring, rollover: recurring.rollover !== "none" },
  };
}

interface StateSource {
  readonly meter: Meter;
  readonly database: Database;
  /** The configuration's. */
  readonly creditTypes: readonly string[];
  readonly nowMs: number;
}

/**
 * A pool for each credit type, in the configuration's order, also where the account has nothing of it yet: what an API shows must not
 * depend on what came first. Pools of credit types that are no longer sold come last.
 */
function inOrder(pools: readonly BalanceFacts[], creditTypes: readonly string[]): readonly BalanceFacts[] {
  const sold = creditTypes.map(
    (creditType) => pools.find((pool) => pool.creditType === creditType) ?? { ...EMPTY, creditType },
  );
  return [...sold, ...pools.filter(({ creditType }) => !creditTypes.includes(creditType))];
}

const EMPTY = {
  balance: 0n,
  held: 0n,
  lifetime: 0n,
  used: undefined,
  grants: [],
  recurring: undefined,
} as const;

/** What a contract shows of an account: of what it does not need nothing is read. Rejects like {@link Meter.balances}. */
export async function readAccountState(
  { meter, database, creditTypes, nowMs }: StateSource,
  identity: Identity,
  needs: StateNeeds,
): Promise<AccountState> {
  const balances = await meter.balances(identity);
  const pools = inOrder(balances.map(toBalanceFacts), creditTypes);
  const { accountId, shard } = identity;
  return {
    at: nowMs,
    pools: needs.used ? await withUsed(database, { accountId, shard }, pools, nowMs) : pools,
    account: needs.account ? await readAccount(database, accountId) : undefined,
  };
}

/** Pools mostly have the same period: their use is one report. */
async function withUsed(
  database: Database,
  account: { readonly accountId: string; readonly shard: number },
  pools: readonly BalanceFacts[],
  nowMs: number,
): Promise<BalanceFacts[]> {
  const used = new Map<string, bigint>();
  for (const [start, alike] of Map.groupBy(pools, (pool) => periodOf(pool, nowMs).start)) {
    const types = alike.map(({ creditType }) => creditType);
    const report = await readUsageReport(
      database,
      { account, from: new Date(start), timeZone: "UTC", groupBy: [] },
      types,
      // What is shown in headers and bodies has no word for what is missing.
      { mostInTails: ALL_TAILS },
    );
    for (const sums of report.totals) {
      if (types.includes(sums.creditType)) used.set(sums.creditType, sums.credits - sums.refunded);
    }
  }
  return pools.map((pool) => ({ ...pool, used: used.get(pool.creditType) ?? 0n }));
}
