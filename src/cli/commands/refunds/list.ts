import type { Command } from "commander";
import { bulkRefundPage } from "../../../api/operator/wire/bulk-refund.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderTable } from "../../table.ts";
import { renderAmounts } from "./render-refunds.ts";

interface Options extends OperatorOptions {
  readonly limit?: string;
  readonly cursor?: string;
}

/** `farebox refunds list` */
export function addRefundsList(refunds: Command, cli: Cli): void {
  refunds
    .command("list")
    .description("list the bulk refunds, the newest first")
    .option("--limit <n>", "how many (default: 100, at most 500)")
    .option("--cursor <cursor>", "continue where the page before ended")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { limit, cursor } = options;
      const page = await cli.operator(options).get("/v1/bulk-refunds", bulkRefundPage, { limit, cursor });
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
        return page.next === null ? table : `${table}\nMore: --cursor ${page.next}\n`;
      });
    });
}
