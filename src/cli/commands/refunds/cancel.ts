import type { Command } from "commander";
import { bulkRefundBody } from "../../../api/wire/bulk-refund.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderBulkRefund } from "./render-refunds.ts";

/** `farebox refunds cancel <id>` */
export function addRefundsCancel(refunds: Command, cli: Cli): void {
  refunds
    .command("cancel")
    .description("stop a bulk refund; what was refunded stays refunded")
    .argument("<id>", "the bulk refund's id (bulk_…)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/bulk-refunds/${encodeURIComponent(id)}/cancel`;
      const bulk = await cli.operator(options).post(path, bulkRefundBody, {});
      printResult(cli, options, bulk, () => renderBulkRefund(bulk));
    });
}
