import type { Command } from "commander";
import type { z } from "zod";
import { priceListDiff, publicationBody } from "../../../api/wire/price-list.ts";
import { priceListToJson } from "../../../domain/prices/price-list-json.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { publishAccountPrices } from "./account-prices.ts";
import { renderPriceDifference } from "./render-price-difference.ts";

interface Options extends OperatorOptions {
  readonly account?: string;
  readonly effective?: string;
  readonly until?: string;
}

/** `farebox prices publish <config>` */
export function addPricesPublish(prices: Command, cli: Cli): void {
  prices
    .command("publish")
    .description("publish the prices of a configuration file, from now on or from a later time")
    .argument("<config>", "the configuration file; only its prices and `unpriced` are published")
    .option("--effective <time>", "when they take effect (ISO 8601 with offset; default: now)")
    .option("--account <id>", "the account whose own prices they are; the file has nothing but `prices` then")
    .option("--until <time>", "with --account: when they end (default: when later ones take effect)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file: string, options: Options, command: Command) => {
      if (options.account !== undefined)
        return await publishAccountPrices(cli, options, file, options.account);
      if (options.until !== undefined) command.error("error: --until is for the prices of an --account");
      const { loadConfig } = await import("../../../config/load-config.ts");
      const list = priceListToJson(loadConfig(file));
      const operator = cli.operator(options);
      const publication = await operator.post("/v1/price-lists", publicationBody, {
        ...list,
        effectiveAt: options.effective,
      });
      if (!publication.published) {
        printResult(
          cli,
          options,
          { ...publication, difference: null },
          () =>
            `Nothing published: price list ${publication.version} has the same prices at that time.\n${renderNext(publication)}`,
        );
        return;
      }
      const { version, effectiveAt } = publication;
      const difference = await operator.get(`/v1/price-lists/${version}/diff`, priceListDiff);
      printResult(
        cli,
        options,
        { ...publication, difference },
        () =>
          `Published price list ${version}, effective ${effectiveAt}.\n${renderNext(publication)}\n${renderPriceDifference(difference)}`,
      );
    });
}

/** An announced list goes on being announced, also when another one is published before it. */
function renderNext({ replacedBy }: z.infer<typeof publicationBody>): string {
  if (replacedBy === null) return "";
  const { version, effectiveAt } = replacedBy;
  return `It applies until the announced price list ${version} takes effect ${effectiveAt}; take that back with: farebox prices cancel ${version}\n`;
}
