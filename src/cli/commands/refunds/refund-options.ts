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
export function renderRefund(refund: z.infer<typeof refundBody>): string {
  const { refunded, creditType, charge, balance, nothingLeft, created } = refund;
  const before = created ? "" : " before, under this reference; nothing was changed";
  const done = nothingLeft
    ? `Nothing was left to refund of ${charge}`
    : `Refunded ${refunded} ${creditType} of ${charge}`;
  return `${done}${before}; balance ${balance}.\n`;
}
