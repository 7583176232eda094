import { type Command, Option } from "commander";
import type { z } from "zod";
import { accountPage } from "../../../api/wire/account.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { csvOption, printCsv } from "../../render/print-csv.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends PageOptions {
  readonly csv?: boolean;
  readonly search?: string;
  readonly ids?: string;
  readonly state?: string;
  readonly plan?: string;
  readonly metadata?: string;
  readonly oldest?: boolean;
  readonly byName?: boolean;
}

/** `farebox account list` */
export function addAccountList(account: Command, cli: Cli): void {
  const command = account
    .command("list")
    .description("list and search accounts, the newest first")
    .option("--search <text>", "part of the name or the id, in any case")
    .option("--ids <ids>", "only these accounts, separated by commas")
    .option("--state <state>", "only accounts that are active, suspended or closed")
    .option("--plan <plan>", "only accounts that have this plan")
    .option("--metadata <name:value>", "only accounts whose metadata has this member")
    .addOption(new Option("--oldest", "the oldest first").conflicts("byName"))
    .option("--by-name", "in the order of names, in any case");
  addPageOptions(command, "accounts")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const query = {
        q: options.search,
        ids: options.ids,
        state: options.state,
        plan: options.plan,
        metadata: options.metadata,
        sort: options.byName === true ? "name" : options.oldest === true ? "oldest" : undefined,
      };
      if (options.csv === true) {
        return await printCsv(cli, options, "/v1/accounts", { ...query, cursor: options.cursor });
      }
      const list = { path: "/v1/accounts", body: accountPage, items: "accounts", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => renderAccounts(page));
    });
}

function renderAccounts({ accounts, next }: z.infer<typeof accountPage>): string {
  if (accounts.length === 0) return "No accounts.\n";
  const rows = accounts.map(({ id, name, state, plan, createdAt }) => [
    id,
    name,
    state,
    plan ?? "",
    createdAt,
  ]);
  return `${renderTable(["ACCOUNT", "NAME", "STATE", "PLAN", "CREATED"], rows)}${renderNext(next)}`;
}
