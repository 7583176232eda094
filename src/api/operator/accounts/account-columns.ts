import type { AccountBalances } from "../../../ledger/pools/account-balances.ts";
import type { CsvColumn } from "../../csv.ts";

/** Accounts as a table, with a balance and what is held of it for each credit type of the configuration. */
export function accountColumns(creditTypes: readonly string[]): readonly CsvColumn<AccountBalances>[] {
  return [
    { name: "id", cell: ({ account }) => account.accountId },
    { name: "name", cell: ({ account }) => account.name },
    { name: "state", cell: ({ account }) => account.state },
    { name: "plan", cell: ({ account }) => account.plan },
    { name: "createdAt", cell: ({ account }) => account.createdAt },
    { name: "metadata", cell: ({ account }) => JSON.stringify(account.metadata) },
    ...creditTypes.flatMap((creditType): CsvColumn<AccountBalances>[] => [
      { name: `balance.${creditType}`, cell: ({ pools }) => pools.get(creditType)?.balance ?? 0n },
      { name: `held.${creditType}`, cell: ({ pools }) => pools.get(creditType)?.held ?? 0n },
    ]),
  ];
}
