import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { addRefundsApply } from "./apply.ts";
import { addRefundsCancel } from "./cancel.ts";
import { addRefundsList } from "./list.ts";
import { addRefundsPreview } from "./preview.ts";
import { addRefundsRequest } from "./request.ts";
import { addRefundsShow } from "./show.ts";

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
