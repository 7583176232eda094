import type { BalanceFacts } from "../../contract/contract.ts";
import type { Meter } from "../../meter/meter.ts";

type PoolBalance = Awaited<ReturnType<Meter["balances"]>>[number];

/** A pool as a balance endpoint shows it. */
export function toBalanceFacts(pool: PoolBalance): BalanceFacts {
  const { recurring } = pool;
  return {
    creditType: pool.creditType,
    balance: pool.balance,
    held: pool.held,
    allocated: pool.grants.reduce((sum, grant) => sum + (grant.amount ?? grant.remaining), 0n),
    recurring:
      recurring === null
        ? undefined
        : {
            amount: recurring.amount,
            every: recurring.every,
            nextAt: recurring.nextAt,
            rollover: recurring.rollover !== "none",
          },
  };
}
