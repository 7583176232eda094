import type { Command } from "commander";
import type { z } from "zod";
import type { refundBody } from "../../../api/wire/pool.ts";
import { dataOption, jsonOption, type OperatorOptions } from "../../cli.ts";

/** How one charge is refunded, however it is named. */
export interface RefundOptions extends OperatorOptions {
  readonly amount?: string;
  readonly reason?: string;
  readonly reference?: string;
}

export function addRefundOptions(command: Command): Command {
  return command
    .option("--amount <credits>", "how many credits (default: all that is left of the charge)")
    .option("--reason <text>", "kept with the entry")
    .option("--reference <reference>", "unique for the charge: refunding with it again changes nothing")
    .addOption(dataOption())
    .addOption(jsonOption());
}

/** What was given back, for people. */
export function renderRefund({ refunded, creditType, charge, balance }: z.infer<typeof refundBody>): string {
  return `Refunded ${refunded} ${creditType} of ${charge}; balance ${balance}.\n`;
}
