import { type Command, Option } from "commander";
import { longHoldPage } from "../../../api/wire/hold.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends PageOptions {
  readonly state?: string;
}

/** `farebox account long-holds <account>` */
export function addAccountLongHolds(account: Command, cli: Cli): void {
  const command = account
    .command("long-holds")
    .description("list an account's holds for jobs of hours, the newest first")
    .argument("<account>", "the account's id");
  addPageOptions(command, "long holds")
    .addOption(
      new Option("--state <state>", "in this state only").choices(["open", "settled", "released", "expired"]),
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, { state, ...options }: Options) => {
      const path = `/v1/accounts/${encodeURIComponent(id)}/long-holds`;
      const list = { path, body: longHoldPage, items: "longHolds", query: { state } } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => {
        if (page.longHolds.length === 0) return "No long holds.\n";
        const rows = page.longHolds.map((hold) => [
          hold.requestId,
          hold.id,
          hold.state,
          `${hold.held} of ${hold.asked} ${hold.creditType}`,
          `${hold.charged} in ${hold.parts}`,
          hold.expiresAt,
          hold.endpoint,
        ]);
        const head = ["REQUEST", "ID", "STATE", "HELD", "CHARGED", "ENDS", "ENDPOINT"];
        return `${renderTable(head, rows)}${renderNext(page.next)}`;
      });
    });
}
