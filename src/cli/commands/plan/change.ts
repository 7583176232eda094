import { type Command, Option } from "commander";
import { accountBody } from "../../../api/wire/account.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderAccount } from "../../render/render-account.ts";

interface Options extends OperatorOptions {
  readonly when?: string;
  readonly anchor?: string;
}

/** `farebox plan assign <account> <plan>` */
export function addPlanAssign(plan: Command, cli: Cli): void {
  plan
    .command("assign")
    .description("give an account a plan, now or at the next refresh of the one that it has")
    .argument("<account>", "the account's id")
    .argument("<plan>", "a plan of the configuration")
    .addOption(whenOption())
    .option("--anchor <time>", "from when periods are counted (ISO 8601 with offset; default: now)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, name: string, options: Options) => {
      const content = { plan: name, when: options.when, anchorAt: options.anchor };
      await change(cli, options, account, "", content);
    });
}

/** `farebox plan cancel <account>` */
export function addPlanCancel(plan: Command, cli: Cli): void {
  plan
    .command("cancel")
    .description("take an account's plan away, now or at its next refresh; what it granted stays")
    .argument("<account>", "the account's id")
    .addOption(whenOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((account: string, options: Options) =>
      change(cli, options, account, "/cancel", { when: options.when }),
    );
}

/** `farebox plan keep <account>` */
export function addPlanKeep(plan: Command, cli: Cli): void {
  plan
    .command("keep")
    .description("withdraw the pending change of an account's plan")
    .argument("<account>", "the account's id")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action((account: string, options: Options) => change(cli, options, account, "/keep", {}));
}

function whenOption(): Option {
  return new Option(
    "--when <moment>",
    "now, or refresh: the next one of its longest period (default: now)",
  ).choices(["now", "refresh"]);
}

async function change(
  cli: Cli,
  options: Options,
  account: string,
  verb: "" | "/cancel" | "/keep",
  content: object,
): Promise<void> {
  const path = `/v1/accounts/${encodeURIComponent(account)}/plan${verb}`;
  const changed = await cli.operator(options).post(path, accountBody, content);
  printResult(cli, options, changed, () => renderAccount(changed));
}
