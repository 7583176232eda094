import type { Command } from "commander";
import { consoleLinkBody } from "../../api/wire/session.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly seconds?: string;
}

/** `farebox console` */
export function addConsoleLink(program: Command, cli: Cli): void {
  program
    .command("console")
    .description("make a link that signs you in to the operators' console, once; it is printed once")
    .option("--seconds <n>", "how long the link works (default: 300, at most 86400)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const seconds = options.seconds === undefined ? undefined : Number(options.seconds);
      const operator = cli.operator(options);
      const made = await operator.post("/v1/console-links", consoleLinkBody, { seconds });
      printResult(cli, options, made, () => `${operator.url.replace(/\/$/, "")}${made.path}\n`);
      if (options.json !== true) {
        cli.terminal.err(`It works once, until ${made.expiresAt}, and signs in ${made.actor}.\n`);
      }
    });
}
