import type { Command } from "commander";
import { accountExportPage } from "../../../api/wire/export.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";
import { renderCharge, renderRecords } from "./render-export.ts";

interface Options extends PageOptions {
  readonly account?: string;
  readonly state?: string;
}

/** `farebox exports list` */
export function addExportsList(exports: Command, cli: Cli): void {
  const command = exports.command("list").description("list exports, the newest first");
  addPageOptions(command, "exports")
    .option("--account <id>", "of this account only")
    .option(
      "--state <state>",
      "in this state only: queued, running, ready, charged, failed, cancelled, expired",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async ({ account, state, ...options }: Options) => {
      const query = { account, state };
      const list = { path: "/v1/exports", body: accountExportPage, items: "exports", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => {
        const rows = page.exports.map((job) => [
          job.id,
          job.state,
          job.account,
          job.createdAt,
          renderRecords(job),
          renderCharge(job),
          job.endpoint,
        ]);
        const head = ["EXPORT", "STATE", "ACCOUNT", "CREATED", "RECORDS", "CHARGED", "ENDPOINT"];
        return `${renderTable(head, rows)}${renderNext(page.next)}`;
      });
    });
}
