import type { Command } from "commander";
import { createdToken } from "../../../api/wire/token.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly role: string;
  readonly each?: string;
  readonly day?: string;
  readonly expires?: string;
}

/** `farebox token create <name>` */
export function addTokenCreate(token: Command, cli: Cli): void {
  token
    .command("create")
    .description("create a token of the operator API with a role; it is printed once and never again")
    .argument("<name>", "what audit rows will name: a-z, 0-9, '.', '_', '-'; never used again")
    .requiredOption("--role <role>", "metrics, read, portal, support, meter or admin")
    .option("--each <credits>", "of support: the most that one grant, refund or released hold may give")
    .option("--day <credits>", "of support: the most that all of one day (UTC) may give")
    .option("--expires <time>", "when the token stops working (ISO 8601 with offset)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const { role, each, day, expires } = options;
      const limits = each === undefined && day === undefined ? undefined : { each, day };
      const created = await cli
        .operator(options)
        .post("/v1/tokens", createdToken, { name, role, limits, expiresAt: expires });
      // The token alone on standard output, so that a script can take it without reading JSON.
      printResult(cli, options, created, () => `${created.token}\n`);
      if (options.json !== true) {
        cli.terminal.err(`Created token ${created.id}. Keep the token: it is not shown again.\n`);
      }
    });
}
