import type { Command } from "commander";
import { refundBody } from "../../api/wire/pool.ts";
import { type Cli, printResult } from "../cli.ts";
import { addRefundOptions, type RefundOptions, renderRefund } from "./refunds/refund-options.ts";

/** `farebox refund <charge>` */
export function addRefund(program: Command, cli: Cli): void {
  const command = program
    .command("refund")
    .description("reverse all or part of one charge; never more than was charged")
    .argument("<charge>", "the charge's id (chg_…), as entries and response headers show it");
  addRefundOptions(command).action(async (charge: string, options: RefundOptions) => {
    const { amount, reason, reference } = options;
    const path = `/v1/charges/${encodeURIComponent(charge)}/refunds`;
    const refunded = await cli.operator(options).post(path, refundBody, { amount, reason, reference });
    printResult(cli, options, refunded, () => renderRefund(refunded));
  });
}
