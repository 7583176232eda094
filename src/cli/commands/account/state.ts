import type { Command } from "commander";
import { accountBody } from "../../../api/wire/account.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly reason?: string;
}

const CHANGES = [
  ["suspend", "refuse all keys of an account until it is resumed", "Suspended"],
  ["resume", "let the keys of a suspended account work again", "Resumed"],
  ["close", "close an account for good; its balance stays on the books", "Closed"],
] as const;

/** `farebox account suspend|resume|close <account>` */
export function addAccountStates(account: Command, cli: Cli): void {
  for (const [verb, description, done] of CHANGES) {
    account
      .command(verb)
      .description(description)
      .argument("<account>", "the account's id")
      .option("--reason <reason>", "why: kept in the audit trail")
      .addOption(dataOption())
      .addOption(jsonOption())
      .action(async (id: string, options: Options) => {
        const changed = await cli
          .operator(options)
          .post(`/v1/accounts/${encodeURIComponent(id)}/${verb}`, accountBody, { reason: options.reason });
        printResult(cli, options, changed, () => `${done} account ${changed.id} (${changed.name}).\n`);
      });
  }
}
