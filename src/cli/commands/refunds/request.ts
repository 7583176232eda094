import type { Command } from "commander";
import { refundBody } from "../../../api/wire/pool.ts";
import { type Cli, printResult } from "../../cli.ts";
import { addRefundOptions, type RefundOptions, renderRefund } from "./refund-options.ts";

/** `farebox refunds request <account> <request>` */
export function addRefundsRequest(refunds: Command, cli: Cli): void {
  const command = refunds
    .command("request")
    .description("reverse all or part of the charge of one request, named by its id")
    .argument("<account>", "the account's id")
    .argument("<request>", "the request's id, as its answer's x-request-id showed it");
  addRefundOptions(command).action(async (account: string, requestId: string, options: RefundOptions) => {
    const { amount, reason, reference } = options;
    const path = `/v1/accounts/${encodeURIComponent(account)}/refunds`;
    const refunded = await cli
      .operator(options)
      .post(path, refundBody, { requestId, amount, reason, reference });
    printResult(cli, options, refunded, () => renderRefund(refunded));
  });
}
