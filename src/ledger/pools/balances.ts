import type { Queryable } from "../database/database.ts";
import type { PoolBalance } from "../ledger.ts";

/** As `read_balances` answers. Amounts are micro-credits, at most 10^15, which a JSON number holds exactly. */
interface StoredBalance {
  readonly creditType: string;
  readonly balance: number;
  readonly held: number;
  readonly spent: number;
  readonly grants: readonly {
    readonly grantId: string;
    readonly amount: number;
    readonly remaining: number;
    readonly source: string;
    readonly grantedAt: number;
    readonly expiresAt: number | null;
  }[];
  readonly recurring: {
    readonly amount: number;
    readonly every: NonNullable<PoolBalance["recurring"]>["every"];
    readonly startedAt: number;
    readonly nextAt: number | null;
    readonly rollover: "none" | "all" | number;
  } | null;
}

/**
 * All pools of an account by credit type, as of the database's now: grants that are due to expire or to come are counted,
 * and nothing is written. An account without pools has none.
 */
export async function readBalances(
  db: Queryable,
  accountId: string,
  shard: number,
): Promise<readonly PoolBalance[]> {
  const [row] = await db.query<{ balances: readonly StoredBalance[] }>(
    { name: "read-balances", isUrgent: true, text: "SELECT farebox.read_balances($1, $2) AS balances" },
    [shard, accountId],
  );
  return (row?.balances ?? []).map(renderBalance);
}

function renderBalance({ creditType, balance, held, spent, grants, recurring }: StoredBalance): PoolBalance {
  return {
    creditType,
    balance: BigInt(balance),
    held: BigInt(held),
    spent: BigInt(spent),
    recurring: recurring && {
      amount: BigInt(recurring.amount),
      every: recurring.every,
      startedAt: new Date(recurring.startedAt),
      nextAt: recurring.nextAt === null ? null : new Date(recurring.nextAt),
      rollover: typeof recurring.rollover === "number" ? BigInt(recurring.rollover) : recurring.rollover,
    },
    grants: grants.map(({ grantId, amount, remaining, source, grantedAt, expiresAt }) => ({
      grantId,
      amount: BigInt(amount),
      remaining: BigInt(remaining),
      source,
      grantedAt: new Date(grantedAt),
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    })),
  };
}
