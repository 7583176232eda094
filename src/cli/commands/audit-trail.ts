import type { Command } from "commander";
import type { z } from "zod";
import { auditTrailPage } from "../../api/wire/audit-trail.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../cli.ts";
import { csvOption, printCsv } from "../render/print-csv.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../render/read-pages.ts";
import { renderTable } from "../render/table.ts";

interface Options extends PageOptions {
  readonly csv?: boolean;
  readonly account?: string;
  readonly action?: string;
  readonly actor?: string;
  readonly target?: string;
  readonly from?: string;
  readonly to?: string;
}

/** `farebox audit-trail` */
export function addAuditTrail(program: Command, cli: Cli): void {
  const command = program
    .command("audit-trail")
    .description("list what operators did, the newest first")
    .option("--account <account>", "only what was done to this account")
    .option("--action <action>", "only this action, such as key.revoke")
    .option("--actor <actor>", "only what this actor did")
    .option("--target <id>", "only what was done to the thing with this id")
    .option("--from <time>", "at or after this moment (ISO 8601 with offset)")
    .option("--to <time>", "before this moment");
  addPageOptions(command, "lines")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { account, action, actor, target, from, to } = options;
      const query = { account, action, actor, target, from, to };
      if (options.csv === true) {
        return await printCsv(cli, options, "/v1/audit-trail", { ...query, cursor: options.cursor });
      }
      const list = { path: "/v1/audit-trail", body: auditTrailPage, items: "lines", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => renderLines(page));
    });
}

function renderLines({ lines, next }: z.infer<typeof auditTrailPage>): string {
  if (lines.length === 0) return "No lines.\n";
  const rows = lines.map((line) => [
    line.at,
    line.actor,
    line.action,
    line.account ?? "",
    line.target === line.account ? "" : (line.target ?? ""),
    Object.keys(line.detail).length === 0 ? "" : JSON.stringify(line.detail),
  ]);
  return `${renderTable(["AT", "ACTOR", "ACTION", "ACCOUNT", "TARGET", "DETAIL"], rows)}${renderNext(next)}`;
}
