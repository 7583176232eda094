import type { Command } from "commander";
import { adjustmentBody } from "../../api/wire/pool.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly reason: string;
  readonly credit?: string;
  readonly reference?: string;
}

/** `farebox adjust <account> <credits>` */
export function addAdjust(program: Command, cli: Cli): void {
  program
    .command("adjust")
    .description("correct a pool by hand; never takes what is held for requests under way")
    .argument("<account>", "the account's id")
    .argument("<credits>", "how many to add, at most 6 decimals; negative: to take")
    .requiredOption("--reason <text>", "kept with the entry")
    .option("--credit <type>", "the credit type (default: the first of the configuration)")
    .option("--reference <reference>", "unique in the pool: adjusting with it again changes nothing")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, credits: string, options: Options) => {
      const adjusted = await cli
        .operator(options)
        .post(`/v1/accounts/${encodeURIComponent(account)}/adjustments`, adjustmentBody, {
          amount: credits,
          creditType: options.credit,
          reason: options.reason,
          reference: options.reference,
        });
      const { amount, creditType, balance } = adjusted;
      printResult(
        cli,
        options,
        adjusted,
        () =>
          `${amount < 0 ? "Took" : "Added"} ${Math.abs(amount)} ${creditType}; the balance was ${balance} after it.\n`,
      );
    });
}
