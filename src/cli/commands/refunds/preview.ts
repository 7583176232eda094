import type { Command } from "commander";
import { refundPreviewBody } from "../../../api/wire/bulk-refund.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { addFilterOptions, type FilterOptions, filterOf } from "./filter-options.ts";
import { renderPreview } from "./render-refunds.ts";

/** A preview reads every entry of the period: minutes for some hundred millions. */
export const PREVIEW_PATIENCE_MS = 3_600_000;

/** `farebox refunds preview` */
export function addRefundsPreview(refunds: Command, cli: Cli): void {
  addFilterOptions(
    refunds.command("preview").description("count what a refund of all charges that match would give back"),
  )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: FilterOptions & OperatorOptions) => {
      const preview = await cli
        .operator(options)
        .post(
          "/v1/bulk-refunds/preview",
          refundPreviewBody,
          { filter: filterOf(options) },
          PREVIEW_PATIENCE_MS,
        );
      printResult(cli, options, preview, () => renderPreview(preview));
    });
}
