import type { Command } from "commander";
import type { z } from "zod";
import { keyPage } from "../../../api/wire/key.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends PageOptions {
  readonly search?: string;
  readonly state?: string;
}

/** `farebox key list <account>` */
export function addKeyList(key: Command, cli: Cli): void {
  const command = key
    .command("list")
    .description("list the keys of an account, the newest first")
    .argument("<account>", "the account's id")
    .option("--search <text>", "part of the name or of the hint, in any case, or an id")
    .option("--state <state>", "only keys that are active, expired or revoked");
  addPageOptions(command, "keys")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, options: Options) => {
      const path = `/v1/accounts/${encodeURIComponent(account)}/keys`;
      const query = { q: options.search, state: options.state };
      const list = { path, body: keyPage, items: "keys", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => renderKeys(page));
    });
}

function renderKeys({ keys, next }: z.infer<typeof keyPage>): string {
  if (keys.length === 0) return "No keys.\n";
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.hint,
    key.state,
    key.lastUsedAt ?? "never",
    key.expiresAt ?? "never",
    key.scopes === null ? "every endpoint" : key.scopes.join(", "),
  ]);
  const head = ["KEY", "NAME", "HINT", "STATE", "LAST USED", "EXPIRES", "SCOPES"];
  return `${renderTable(head, rows)}${renderNext(next)}`;
}
