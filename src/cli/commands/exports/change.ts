import type { Command } from "commander";
import { accountExportBody } from "../../../api/wire/export.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderExport } from "./render-export.ts";

/** `farebox exports retry <id>` */
export function addExportsRetry(exports: Command, cli: Cli): void {
  addChange(exports, cli, "retry", "begin a failed export again from its start");
}

/** `farebox exports cancel <id>` */
export function addExportsCancel(exports: Command, cli: Cli): void {
  addChange(exports, cli, "cancel", "end an export before it is charged; it costs nothing");
}

function addChange(exports: Command, cli: Cli, verb: string, description: string): void {
  exports
    .command(verb)
    .description(description)
    .argument("<id>", "the export's id")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/exports/${encodeURIComponent(id)}/${verb}`;
      const job = await cli.operator(options).post(path, accountExportBody, {});
      printResult(cli, options, job, () => renderExport(job));
    });
}
