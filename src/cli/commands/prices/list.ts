import type { Command } from "commander";
import { priceListPage } from "../../../api/wire/price-list.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";
import { listAccountPrices } from "./account-prices.ts";

/** `farebox prices list` */
export function addPricesList(prices: Command, cli: Cli): void {
  const command = prices
    .command("list")
    .description("list the price lists: in force, announced, past and cancelled");
  addPageOptions(command, "lists")
    .option("--account <id>", "the account's own price lists, instead of everybody's")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: PageOptions & { readonly account?: string }) => {
      if (options.account !== undefined) return await listAccountPrices(cli, options, options.account);
      const list = { path: "/v1/price-lists", body: priceListPage, items: "priceLists" } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => {
        const rows = page.priceLists.map(({ version, state, effectiveAt, publishedAt, prices: listed }) => [
          String(version),
          state.replace("_", " "),
          effectiveAt,
          publishedAt,
          String(listed.length),
        ]);
        const table = renderTable(["VERSION", "STATE", "EFFECTIVE", "PUBLISHED", "PRICES"], rows);
        return `${table}${renderNext(page.next)}`;
      });
    });
}
