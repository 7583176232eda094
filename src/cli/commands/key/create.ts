import type { Command } from "commander";
import { createdKey } from "../../../api/wire/key.ts";
import {
  type Cli,
  collecting,
  dataOption,
  jsonOption,
  type OperatorOptions,
  printResult,
} from "../../cli.ts";
import { type CapOptions, readCap, readRepeated } from "./key-options.ts";

interface Options extends OperatorOptions {
  readonly name?: string;
  readonly scope?: readonly string[];
  readonly address?: readonly string[];
  readonly cap?: CapOptions;
  readonly expires?: string;
}

/** `farebox key create <account>` */
export function addKeyCreate(key: Command, cli: Cli): void {
  key
    .command("create")
    .description("create a key of an account; it is printed once and never again")
    .argument("<account>", "the account's id")
    .option("--name <name>", "what the key is for")
    .option(
      "--scope <match>",
      'an endpoint that it may call, "GET /v1/leads"; repeat it for more',
      collecting(readRepeated),
    )
    .option(
      "--address <range>",
      "from where it may be used: 10.0.0.0/8; repeat it for more",
      collecting(readRepeated),
    )
    .option(
      "--cap <cap>",
      "what it may spend: credits:day=100,month=2000; repeat it for more",
      collecting(readCap),
    )
    .option("--expires <time>", "when the key stops working (ISO 8601 with offset)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, options: Options) => {
      const created = await cli
        .operator(options)
        .post(`/v1/accounts/${encodeURIComponent(account)}/keys`, createdKey, {
          name: options.name,
          scopes: options.scope,
          addresses: options.address,
          caps: options.cap,
          expiresAt: options.expires,
        });
      // The key alone on standard output, so that a script can take it without reading JSON.
      printResult(cli, options, created, () => `${created.key}\n`);
      if (options.json !== true) {
        cli.terminal.err(`Created key ${created.id}. Keep the key: it is not shown again.\n`);
      }
    });
}
