import type { Command } from "commander";
import { portalLinkBody } from "../../../api/wire/portal-link.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly manage?: boolean;
  readonly seconds?: string;
}

/** `farebox account portal-link <account>` */
export function addAccountPortalLink(account: Command, cli: Cli): void {
  account
    .command("portal-link")
    .description(
      "make a link that signs a customer in to the portal, once; it is printed once and never again",
    )
    .argument("<account>", "the account's id")
    .option("--manage", "the customer may manage keys too, where self-service is on")
    .option("--seconds <n>", "how long the link works (default: 300, at most 86400)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const path = `/v1/accounts/${encodeURIComponent(id)}/portal-links`;
      const seconds = options.seconds === undefined ? undefined : Number(options.seconds);
      const access = options.manage === true ? "manage" : "read";
      const made = await cli.operator(options).post(path, portalLinkBody, { access, seconds });
      printResult(cli, options, made, () => `${made.path}\n`);
      if (options.json !== true) {
        cli.terminal.err(`It works once, on the gateway's address, until ${made.expiresAt}.\n`);
      }
    });
}
