import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addRefundsApply } from "./refunds/apply.ts";
import { addRefundsCancel } from "./refunds/cancel.ts";
import { addRefundsList } from "./refunds/list.ts";
import { addRefundsPreview } from "./refunds/preview.ts";
import { addRefundsRequest } from "./refunds/request.ts";
import { addRefundsShow } from "./refunds/show.ts";

/** `farebox refunds …`: by request, and by filter. One charge is `farebox refund`. */
export function addRefunds(program: Command, cli: Cli): void {
  const refunds = program.command("refunds").description("refunds by request and by filter");
  addRefundsRequest(refunds, cli);
  addRefundsPreview(refunds, cli);
  addRefundsApply(refunds, cli);
  addRefundsList(refunds, cli);
  addRefundsShow(refunds, cli);
  addRefundsCancel(refunds, cli);
}
