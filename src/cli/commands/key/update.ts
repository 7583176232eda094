import { type Command, Option } from "commander";
import { keyBody } from "../../../api/wire/key.ts";
import {
  type Cli,
  collecting,
  dataOption,
  jsonOption,
  type OperatorOptions,
  printResult,
} from "../../cli.ts";
import { type CapOptions, readCap, readRepeated } from "./key-options.ts";
import { renderKey } from "./render-key.ts";

interface Options extends OperatorOptions {
  readonly name?: string;
  readonly scope?: readonly string[];
  readonly everyEndpoint?: boolean;
  readonly address?: readonly string[];
  readonly everyAddress?: boolean;
  readonly cap?: CapOptions;
  readonly planCaps?: boolean;
  readonly expires?: string;
  readonly neverExpires?: boolean;
}

/** `farebox key update <key>` */
export function addKeyUpdate(key: Command, cli: Cli): void {
  key
    .command("update")
    .description(
      "change a key's name, scopes, addresses, caps or expiry; every instance knows within 5 seconds",
    )
    .argument("<key>", "the key's id (key_…)")
    .option("--name <name>", "what the key is for")
    .option(
      "--scope <match>",
      "the endpoints that it may call from now on; repeat it for more",
      collecting(readRepeated),
    )
    .addOption(new Option("--every-endpoint", "it may call every endpoint").conflicts("scope"))
    .option(
      "--address <range>",
      "from where it may be used from now on: 10.0.0.0/8; repeat it",
      collecting(readRepeated),
    )
    .addOption(new Option("--every-address", "it may be used from everywhere").conflicts("address"))
    .option(
      "--cap <cap>",
      "all caps from now on: credits:day=100,month=2000; repeat it for more",
      collecting(readCap),
    )
    .addOption(
      new Option("--plan-caps", "no caps of its own: its plan's default caps, if it has some").conflicts(
        "cap",
      ),
    )
    .option("--expires <time>", "when the key stops working (ISO 8601 with offset)")
    .addOption(new Option("--never-expires", "it does not expire").conflicts("expires"))
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const updated = await cli.operator(options).patch(`/v1/keys/${encodeURIComponent(id)}`, keyBody, {
        name: options.name,
        scopes: options.everyEndpoint === true ? null : options.scope,
        addresses: options.everyAddress === true ? null : options.address,
        caps: options.planCaps === true ? [] : options.cap,
        expiresAt: options.neverExpires === true ? null : options.expires,
      });
      printResult(cli, options, updated, () => renderKey(updated));
    });
}
