import type { Command } from "commander";
import { refundBody } from "../../api/operator/wire/pool.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly amount?: string;
  readonly reason?: string;
  readonly reference?: string;
}

/** `farebox refund <charge>` */
export function addRefund(program: Command, cli: Cli): void {
  program
    .command("refund")
    .description("reverse all or part of one charge; never more than was charged")
    .argument("<charge>", "the charge's id (chg_…), as entries and response headers show it")
    .option("--amount <credits>", "how many credits (default: all that is left of the charge)")
    .option("--reason <text>", "kept with the entry")
    .option("--reference <reference>", "unique for the charge: refunding with it again changes nothing")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (charge: string, options: Options) => {
      const refunded = await cli
        .operator(options)
        .post(`/v1/charges/${encodeURIComponent(charge)}/refunds`, refundBody, {
          amount: options.amount,
          reason: options.reason,
          reference: options.reference,
        });
      printResult(
        cli,
        options,
        refunded,
        () =>
          `Refunded ${refunded.refunded} ${refunded.creditType} of ${refunded.charge}; balance ${refunded.balance}.\n`,
      );
    });
}
