import type { Command } from "commander";
import type { z } from "zod";
import { accountBody } from "../../../api/wire/account.ts";
import { holdPage } from "../../../api/wire/hold.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { readPages } from "../../render/read-pages.ts";
import { renderAccount } from "../../render/render-account.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends OperatorOptions {
  readonly holds?: boolean;
}

type Holds = z.infer<typeof holdPage>["holds"];

/** `farebox account show <account>` */
export function addAccountShow(account: Command, cli: Cli): void {
  account
    .command("show")
    .description("show an account, and with --holds what is set aside of its pools right now")
    .argument("<account>", "the account's id")
    .option("--holds", "what clients and running instances have set aside, too")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const operator = cli.operator(options);
      const path = `/v1/accounts/${encodeURIComponent(id)}`;
      const shown = await operator.get(path, accountBody);
      if (options.holds !== true) {
        printResult(cli, options, shown, () => renderAccount(shown));
        return;
      }
      const list = { path: `${path}/holds`, body: holdPage, items: "holds" } as const;
      const { holds } = await readPages(operator, list, { all: true });
      printResult(cli, options, { ...shown, holds }, () => `${renderAccount(shown)}\n${renderHolds(holds)}`);
    });
}

function renderHolds(holds: Holds): string {
  if (holds.length === 0) return "Nothing is set aside.\n";
  const rows = holds.map((hold) => [
    hold.kind,
    hold.creditType,
    String(hold.amount),
    hold.kind === "lease" ? (hold.instance ?? "") : hold.id,
    hold.expiresAt ?? "with its instance",
  ]);
  return renderTable(["KIND", "CREDIT TYPE", "AMOUNT", "WHOSE", "ENDS"], rows);
}
