import { formatCredits } from "../../domain/credits.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Transaction } from "../database/database.ts";
import { findAccountNo } from "./account-no.ts";
import { type Account, lockAccount, readAccount, setAccountState } from "./accounts.ts";

/** What clients have set aside in one pool, as `close_pools` answers. Micro-credits, at most 10^15, are exact in JSON. */
interface HeldPool {
  readonly creditType: string;
  readonly holds: number;
  readonly amount: number;
}

/**
 * Closes an account for good: its keys stop everywhere, recurring grants and changes of its plan end, and instances are
 * asked to give back what they have leased. The balance stays on the books; grants that expire go on doing so.
 * Closing a closed account changes nothing.
 *
 * Refused while clients have credits on hold, because they may still charge them: FareboxError `account_has_holds`, with
 * what is held. Throws FareboxError `account_unknown`.
 */
export async function closeAccount(tx: Transaction, accountId: string): Promise<Account> {
  const account = await lockAccount(tx, accountId);
  if (account.state === "closed") return account;
  // Under the locks of all of the account's pools, which every hold needs: none comes between this look and the commit.
  const [row] = await tx.query<{ held: readonly HeldPool[] }>("SELECT farebox.close_pools($1, $2) AS held", [
    account.shard,
    await findAccountNo(tx, account),
  ]);
  if (row === undefined) throw new Error("close_pools returned nothing");
  if (row.held.length > 0) refuseHolds(accountId, row.held);
  await tx.query(
    `UPDATE farebox.accounts SET plan = NULL, plan_version = NULL, next_plan = NULL, next_plan_version = NULL,
       next_plan_at = NULL WHERE account_id = $1`,
    [accountId],
  );
  await setAccountState(tx, accountId, "closed");
  return await readAccount(tx, accountId);
}

function refuseHolds(accountId: string, pools: readonly HeldPool[]): never {
  const held = pools
    .map(({ creditType, holds, amount }) => ({ creditType, holds, amount: formatCredits(BigInt(amount)) }))
    .toSorted((a, b) => (a.creditType < b.creditType ? -1 : 1));
  const text = held
    .map(
      ({ creditType, holds, amount }) =>
        `${amount} ${creditType} in ${holds} ${holds === 1 ? "hold" : "holds"}`,
    )
    .join(", ");
  throw new FareboxError(
    "account_has_holds",
    `Clients have credits of the account ${accountId} on hold: ${text}. Release or charge them, or wait for them to expire.`,
    { detail: { accountId, held } },
  );
}
