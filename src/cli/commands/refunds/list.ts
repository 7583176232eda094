import type { Command } from "commander";
import { bulkRefundPage } from "../../../api/wire/bulk-refund.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";
import { renderAmounts } from "./render-refunds.ts";

/** `farebox refunds list` */
export function addRefundsList(refunds: Command, cli: Cli): void {
  const command = refunds.command("list").description("list the bulk refunds, the newest first");
  addPageOptions(command, "bulk refunds")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: PageOptions) => {
      const list = { path: "/v1/bulk-refunds", body: bulkRefundPage, items: "bulkRefunds" } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => {
        const rows = page.bulkRefunds.map((bulk) => [
          bulk.id,
          bulk.state,
          bulk.createdAt,
          `${bulk.charges.done}/${bulk.charges.total}`,
          renderAmounts(bulk.credits.done),
          bulk.reason,
        ]);
        const table = renderTable(["BULK REFUND", "STATE", "CREATED", "CHARGES", "REFUNDED", "REASON"], rows);
        return `${table}${renderNext(page.next)}`;
      });
    });
}
