import type { Command } from "commander";
import type { z } from "zod";
import { monthReportBody } from "../../../api/wire/report.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { csvOption, printCsv } from "../../render/print-csv.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends OperatorOptions {
  readonly from?: string;
  readonly to?: string;
  readonly credit?: string;
  readonly csv?: boolean;
}

type Report = z.infer<typeof monthReportBody>;

/** `farebox reports months` */
export function addReportsMonths(reports: Command, cli: Cli): void {
  reports
    .command("months")
    .description("show what was sold, burned, refunded, expired and is outstanding, by month and credit type")
    .option("--from <time>", "from the month of this moment on (default: 12 months)")
    .option("--to <time>", "up to the month of this moment (default: the present one)")
    .option("--credit <type>", "only this credit type")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const path = "/v1/reports/months";
      const query = { from: options.from, to: options.to, creditType: options.credit };
      if (options.csv === true) return await printCsv(cli, options, path, query);
      const report = await cli.operator(options).get(path, monthReportBody, query);
      printResult(cli, options, report, () => renderReport(report));
    });
}

const FIGURES = [
  "recurring",
  "topup",
  "promo",
  "adjusted",
  "burned",
  "refunded",
  "expired",
  "uncollected",
  "outstanding",
  "refused",
] as const;

function renderReport({ rows, completeUntil }: Report): string {
  const head = ["MONTH", "CREDIT TYPE", ...FIGURES.map((name) => name.toUpperCase())];
  const lines = rows.map((row) => [row.month, row.creditType, ...FIGURES.map((name) => String(row[name]))]);
  const until = completeUntil === null ? "" : `Complete until ${completeUntil}.\n`;
  return `${until}${renderTable(head, lines)}`;
}
