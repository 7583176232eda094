import type { Command } from "commander";
import type { z } from "zod";
import { refusalReportBody } from "../../../api/wire/report.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { csvOption, printCsv } from "../../render/print-csv.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends OperatorOptions {
  readonly from?: string;
  readonly to?: string;
  readonly csv?: boolean;
}

/** `farebox reports refusals` */
export function addReportsRefusals(reports: Command, cli: Cli): void {
  reports
    .command("refusals")
    .description("show what was refused, by month, code and credit type")
    .option("--from <time>", "from the month of this moment on (default: 12 months)")
    .option("--to <time>", "up to the month of this moment (default: the present one)")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const path = "/v1/reports/refusals";
      const query = { from: options.from, to: options.to };
      if (options.csv === true) return await printCsv(cli, options, path, query);
      const report = await cli.operator(options).get(path, refusalReportBody, query);
      printResult(cli, options, report, () => renderReport(report));
    });
}

function renderReport({ rows }: z.infer<typeof refusalReportBody>): string {
  if (rows.length === 0) return "Nothing was refused.\n";
  const lines = rows.map((row) => [row.month, row.code, row.creditType ?? "", String(row.requests)]);
  return renderTable(["MONTH", "CODE", "CREDIT TYPE", "REQUESTS"], lines);
}
