import type { Command } from "commander";
import type { z } from "zod";
import { bulkRefundBody, refundPreviewBody } from "../../../api/wire/bulk-refund.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { confirm } from "../../terminal/confirm.ts";
import { addFilterOptions, type FilterOptions, filterOf } from "./filter-options.ts";
import { PREVIEW_PATIENCE_MS } from "./preview.ts";
import { renderAmounts, renderBulkRefund, renderPreview } from "./render-refunds.ts";
import { watchBulkRefund } from "./watch-bulk-refund.ts";

interface Options extends FilterOptions, OperatorOptions {
  readonly reason: string;
  readonly reference?: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

type BulkRefund = z.infer<typeof bulkRefundBody>;

/** `farebox refunds apply` */
export function addRefundsApply(refunds: Command, cli: Cli): void {
  addFilterOptions(
    refunds.command("apply").description("refund what is left of all charges that match: shows, asks, does"),
  )
    .requiredOption("--reason <text>", "kept with each entry")
    .option("--reference <reference>", "unique: applying with it again does nothing and shows the first one")
    .option("--yes", "do not ask; required where nobody can be asked")
    .option("--no-wait", "do not wait until it is done")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const created = await create(cli, options);
      if (created === undefined) return;
      const client = cli.operator(options);
      const bulk = options.wait ? await watchBulkRefund(cli.terminal, client, created) : created;
      printResult(cli, options, bulk, () => renderBulkRefund(bulk));
      if (bulk.charges.failed > 0 || bulk.state === "cancelled") cli.setExitCode(1);
    });
}

/** Undefined: somebody was asked and said no, or there is nothing to ask about. */
async function create(cli: Cli, options: Options): Promise<BulkRefund | undefined> {
  const client = cli.operator(options);
  const filter = filterOf(options);
  const { reason, reference, yes = false, json = false } = options;
  const preview = await client.post(
    "/v1/bulk-refunds/preview",
    refundPreviewBody,
    { filter },
    PREVIEW_PATIENCE_MS,
  );
  const { charges, credits } = preview;
  if (!json) cli.terminal.err(renderPreview(preview));
  // With a reference it may be a repetition, which finds that everything is refunded and shows the first one.
  if (!yes && !json && charges === 0 && reference === undefined) return undefined;
  if (!yes) {
    const question = `Refund ${renderAmounts(credits)} of ${charges} charges?`;
    const answer = json ? undefined : await confirm(cli.terminal, question);
    if (answer === undefined) refuseUnconfirmed();
    if (!answer) {
      cli.terminal.err("Nothing was refunded.\n");
      cli.setExitCode(1);
      return undefined;
    }
  }
  const content = { filter, reason, reference, expect: { charges, credits } };
  return await client.post("/v1/bulk-refunds", bulkRefundBody, content, PREVIEW_PATIENCE_MS);
}

function refuseUnconfirmed(): never {
  throw new FareboxError("confirmation_required", "Nobody can be asked here, and nothing was refunded.", {
    detail: { fix: "Look at `farebox refunds preview`, then add --yes." },
  });
}
