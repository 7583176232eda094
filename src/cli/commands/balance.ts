import type { Command } from "commander";
import type { z } from "zod";
import { balanceBody } from "../../api/wire/pool.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { renderTable } from "../render/table.ts";

/** `farebox balance <account>` */
export function addBalance(program: Command, cli: Cli): void {
  program
    .command("balance")
    .description("show the pools of an account: balance, held, grants and the next refresh")
    .argument("<account>", "the account's id")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, options: OperatorOptions) => {
      const balances = await cli
        .operator(options)
        .get(`/v1/accounts/${encodeURIComponent(account)}/balances`, balanceBody);
      printResult(cli, options, balances, () => renderBalances(balances));
    });
}

function renderBalances(balances: z.infer<typeof balanceBody>): string {
  if (balances.pools.length === 0) return "This account has no pools yet.\n";
  const pools = balances.pools.map((pool) => [
    pool.creditType,
    String(pool.balance),
    String(pool.held),
    String(pool.available),
    ...renderRecurring(pool.recurring),
  ]);
  const grants = balances.pools.flatMap((pool) =>
    pool.grants.map((grant) => [
      grant.id,
      pool.creditType,
      String(grant.remaining),
      grant.source,
      grant.expiresAt ?? "never",
    ]),
  );
  const text = renderTable(
    ["CREDIT TYPE", "BALANCE", "HELD", "AVAILABLE", "RECURRING", "NEXT REFRESH"],
    pools,
  );
  if (grants.length === 0) return text;
  return `${text}\n${renderTable(["GRANT", "CREDIT TYPE", "REMAINING", "SOURCE", "EXPIRES"], grants)}`;
}

/** The present plan's grant and the next refresh apart: another plan may take its place at that moment. */
function renderRecurring(recurring: z.infer<typeof balanceBody>["pools"][number]["recurring"]): string[] {
  if (recurring === null) return ["", ""];
  return [`${recurring.amount} a ${recurring.every}`, recurring.nextAt ?? "none: the plan ends"];
}
