import type { Command } from "commander";
import { accountExportBody } from "../../../api/wire/export.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderExport } from "./render-export.ts";
import { watchExport } from "./watch-export.ts";

interface Options extends OperatorOptions {
  readonly watch?: boolean;
}

/** `farebox exports show <id>` */
export function addExportsShow(exports: Command, cli: Cli): void {
  exports
    .command("show")
    .description("show an export and how far it is")
    .argument("<id>", "the export's id")
    .option("--watch", "until it needs no more work; with --json a line for each step")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const path = `/v1/exports/${encodeURIComponent(id)}`;
      const client = cli.operator(options);
      const found = await client.get(path, accountExportBody);
      const job =
        options.watch === true
          ? await watchExport(cli.terminal, client, found, options.json === true)
          : found;
      printResult(cli, options, job, () => renderExport(job));
    });
}
