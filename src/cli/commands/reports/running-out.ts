import type { Command } from "commander";
import { runningOutPage } from "../../../api/wire/report.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

interface Options extends PageOptions {
  readonly days?: string;
  readonly credit?: string;
}

/** `farebox reports running-out` */
export function addReportsRunningOut(reports: Command, cli: Cli): void {
  const command = reports
    .command("running-out")
    .description("list pools that run out within some days at their present pace");
  addPageOptions(command, "pools")
    .option("--days <n>", "within so many days (default: 7, at most 90)")
    .option("--credit <type>", "only this credit type")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async ({ days, credit, ...options }: Options) => {
      const query = { days, creditType: credit };
      const list = { path: "/v1/reports/running-out", body: runningOutPage, items: "pools", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => {
        const soonestFirst = page.pools.toSorted((one, other) => (one.runsOutAt < other.runsOutAt ? -1 : 1));
        const rows = soonestFirst.map((pool) => [
          pool.account,
          pool.name,
          pool.plan ?? "",
          pool.creditType,
          String(pool.balance),
          String(pool.pace),
          pool.runsOutAt,
        ]);
        const head = ["ACCOUNT", "NAME", "PLAN", "CREDIT TYPE", "BALANCE", "A DAY", "RUNS OUT"];
        return `${renderTable(head, rows)}${renderNext(page.next)}`;
      });
    });
}
