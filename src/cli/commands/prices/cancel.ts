import type { Command } from "commander";
import { priceListBody } from "../../../api/wire/price-list.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { cancelAccountPrices } from "./account-prices.ts";

/** `farebox prices cancel <version>` */
export function addPricesCancel(prices: Command, cli: Cli): void {
  prices
    .command("cancel")
    .description("take an announced price list back before it takes effect")
    .argument("<version>", "the price list")
    .option("--account <id>", "the account whose own price list it is; it may have taken effect")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (version: string, options: OperatorOptions & { readonly account?: string }) => {
      if (options.account !== undefined)
        return await cancelAccountPrices(cli, options, version, options.account);
      const list = await cli
        .operator(options)
        .post(`/v1/price-lists/${encodeURIComponent(version)}/cancel`, priceListBody, {});
      printResult(
        cli,
        options,
        list,
        () => `Cancelled price list ${list.version}: it would have taken effect ${list.effectiveAt}.\n`,
      );
    });
}
