import type { Command } from "commander";
import { bulkRefundBody } from "../../../api/wire/bulk-refund.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderBulkRefund } from "./render-refunds.ts";

/** `farebox refunds show <id>` */
export function addRefundsShow(refunds: Command, cli: Cli): void {
  refunds
    .command("show")
    .description("show a bulk refund and how far it is")
    .argument("<id>", "the bulk refund's id (bulk_…)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/bulk-refunds/${encodeURIComponent(id)}`;
      const bulk = await cli.operator(options).get(path, bulkRefundBody);
      printResult(cli, options, bulk, () => renderBulkRefund(bulk));
    });
}
