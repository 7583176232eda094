import type { Command } from "commander";
import { accountBody } from "../../../api/wire/account.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly plan?: string;
  readonly anchor?: string;
}

/** `farebox account create <name>` */
export function addAccountCreate(account: Command, cli: Cli): void {
  account
    .command("create")
    .description("create an account")
    .argument("<name>", "what the account is called")
    .option("--plan <plan>", "a plan of the configuration, whose recurring grants begin at once")
    .option(
      "--anchor <time>",
      "from when the plan's periods are counted (ISO 8601 with offset; default: now)",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const created = await cli
        .operator(options)
        .post("/v1/accounts", accountBody, { name, plan: options.plan, anchorAt: options.anchor });
      printResult(cli, options, created, () => `Created account ${created.id} (${created.name}).\n`);
    });
}
