import type { Command } from "commander";
import { refundBody } from "../../../api/operator/wire/pool.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly amount?: string;
  readonly reason?: string;
  readonly reference?: string;
}

/** `farebox refunds request <account> <request>` */
export function addRefundsRequest(refunds: Command, cli: Cli): void {
  refunds
    .command("request")
    .description("reverse all or part of the charge of one request, named by its id")
    .argument("<account>", "the account's id")
    .argument("<request>", "the request's id, as its answer's x-request-id showed it")
    .option("--amount <credits>", "how many credits (default: all that is left of the charge)")
    .option("--reason <text>", "kept with the entry")
    .option("--reference <reference>", "unique for the charge: refunding with it again changes nothing")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, request: string, options: Options) => {
      const { amount, reason, reference } = options;
      const path = `/v1/accounts/${encodeURIComponent(account)}/refunds`;
      const refunded = await cli
        .operator(options)
        .post(path, refundBody, { requestId: request, amount, reason, reference });
      printResult(
        cli,
        options,
        refunded,
        () =>
          `Refunded ${refunded.refunded} ${refunded.creditType} of ${refunded.charge}; balance ${refunded.balance}.\n`,
      );
    });
}
