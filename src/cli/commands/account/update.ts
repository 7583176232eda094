import { type Command, InvalidArgumentError } from "commander";
import { accountBody } from "../../../api/wire/account.ts";
import {
  type Cli,
  collecting,
  dataOption,
  jsonOption,
  type OperatorOptions,
  printResult,
} from "../../cli.ts";
import { renderAccount } from "../../render/render-account.ts";

interface Options extends OperatorOptions {
  readonly name?: string;
  readonly set?: Metadata;
  readonly unset?: Metadata;
}

/** Members by name; null: it is removed. */
type Metadata = Readonly<Record<string, string | null>>;

/** `farebox account update <account>` */
export function addAccountUpdate(account: Command, cli: Cli): void {
  account
    .command("update")
    .description("change an account's name, or members of its metadata")
    .argument("<account>", "the account's id")
    .option("--name <name>", "what the account is called from now on")
    .option(
      "--set <name=value>",
      "a member of the metadata; repeat it for more, the others stay",
      collecting(readMember),
    )
    .option(
      "--unset <name>",
      "a member of the metadata to remove; repeat it for more",
      collecting(readRemoval),
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const metadata = { ...options.unset, ...options.set };
      const change = {
        name: options.name,
        ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      };
      const updated = await cli
        .operator(options)
        .patch(`/v1/accounts/${encodeURIComponent(id)}`, accountBody, change);
      printResult(cli, options, updated, () => renderAccount(updated));
    });
}

function readMember(text: string, before: Metadata = {}): Metadata {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write name=value, like crm=42.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function readRemoval(name: string, before: Metadata = {}): Metadata {
  return { ...before, [name]: null };
}
