import type { Command } from "commander";
import { publicationBody } from "../../api/operator/wire/price-list.ts";
import { loadConfig } from "../../config/load-config.ts";
import { priceListToJson } from "../../domain/price-list-json.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";

interface Options extends OperatorOptions {
  readonly effective?: string;
}

/** `farebox prices publish <config>` */
export function addPricesPublish(prices: Command, cli: Cli): void {
  prices
    .command("publish")
    .description("publish the prices of a configuration file, from now on or from a later time")
    .argument("<config>", "the configuration file; only its prices and `unpriced` are published")
    .option("--effective <time>", "when they take effect (ISO 8601 with offset; default: now)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      const list = priceListToJson(loadConfig(file));
      const published = await cli
        .operator(options)
        .post("/v1/price-lists", publicationBody, { ...list, effectiveAt: options.effective });
      printResult(cli, options, published, () =>
        published.published
          ? `Published price list ${published.version}, effective ${published.effectiveAt}.\n`
          : `Nothing published: price list ${published.version} has the same prices at that time.\n`,
      );
    });
}
