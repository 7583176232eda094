import type { Command } from "commander";
import { priceListPage } from "../../api/operator/wire/price-list.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { renderTable } from "../table.ts";

interface Options extends OperatorOptions {
  readonly limit?: string;
  readonly cursor?: string;
}

/** `farebox prices list` */
export function addPricesList(prices: Command, cli: Cli): void {
  prices
    .command("list")
    .description("list the price lists: in force, announced, past and cancelled")
    .option("--limit <n>", "how many (default: 100, at most 500)")
    .option("--cursor <cursor>", "continue where the page before ended")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { limit, cursor } = options;
      const page = await cli.operator(options).get("/v1/price-lists", priceListPage, { limit, cursor });
      printResult(cli, options, page, () => {
        const rows = page.priceLists.map((list) => [
          String(list.version),
          list.state.replace("_", " "),
          list.effectiveAt,
          list.publishedAt,
          String(list.prices.length),
        ]);
        const table = renderTable(["VERSION", "STATE", "EFFECTIVE", "PUBLISHED", "PRICES"], rows);
        return page.next === null ? table : `${table}\nMore: --cursor ${page.next}\n`;
      });
    });
}
