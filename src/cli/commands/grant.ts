import type { Command } from "commander";
import { grantBody } from "../../api/wire/pool.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly credit?: string;
  readonly expires?: string;
  readonly priority?: string;
  readonly reference?: string;
}

/** `farebox grant <account> <credits>` */
export function addGrant(program: Command, cli: Cli): void {
  program
    .command("grant")
    .description("add credits to a pool of an account")
    .argument("<account>", "the account's id")
    .argument("<credits>", "how many, at most 6 decimals")
    .option("--credit <type>", "the credit type (default: the first of the configuration)")
    .option("--expires <time>", "when what is left of the grant expires (ISO 8601 with offset)")
    .option("--priority <n>", "the lower is drawn first (default: 100)")
    .option("--reference <reference>", "unique in the account: granting with it again changes nothing")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, credits: string, options: Options) => {
      const granted = await cli
        .operator(options)
        .post(`/v1/accounts/${encodeURIComponent(account)}/grants`, grantBody, {
          amount: credits,
          creditType: options.credit,
          expiresAt: options.expires,
          priority: options.priority === undefined ? undefined : Number(options.priority),
          reference: options.reference,
        });
      printResult(cli, options, granted, () =>
        granted.created
          ? `Granted ${granted.amount} ${granted.creditType} (${granted.id}); balance ${granted.balance}.\n`
          : `Nothing granted: ${granted.id} has this reference already; balance ${granted.balance}.\n`,
      );
    });
}
