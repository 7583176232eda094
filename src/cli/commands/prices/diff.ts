import type { Command } from "commander";
import { renderPriceDifference as renderWire } from "../../../api/price-lists/render-price-difference.ts";
import { priceListDiff, priceSchedule } from "../../../api/wire/price-list.ts";
import { computePriceDifference } from "../../../domain/prices/price-difference.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import type { OperatorClient } from "../../operator/operator-client.ts";
import { readShownList } from "./read-shown-list.ts";
import { renderPriceDifference } from "./render-price-difference.ts";

interface Options extends OperatorOptions {
  readonly against?: string;
  readonly config?: string;
}

/** `farebox prices diff [version]` */
export function addPricesDiff(prices: Command, cli: Cli): void {
  prices
    .command("diff")
    .description("show what a price list changes, or what a configuration file would")
    .argument("[version]", "the price list; compared with the one that it replaces in time")
    .option("--against <version>", "compare with this price list")
    .option("--config <file>", "compare this file's prices with those in force, instead of two lists")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (version: string | undefined, options: Options, command: Command) => {
      const { against, config } = options;
      if ((version === undefined) === (config === undefined)) {
        command.error("error: name a version, or a file with --config");
      }
      if (config !== undefined && against !== undefined) {
        command.error("error: --against is for two price lists, not for --config");
      }
      const operator = cli.operator(options);
      const diff =
        config === undefined
          ? await operator.get(`/v1/price-lists/${encodeURIComponent(String(version))}/diff`, priceListDiff, {
              against,
            })
          : await compareFile(operator, config);
      printResult(cli, options, diff, () => {
        const other = diff.against === null ? "nothing" : `price list ${diff.against}`;
        const what =
          "version" in diff ? `Price list ${diff.version}, effective ${diff.effectiveAt},` : `${config}`;
        return `${what} compared with ${other}:\n\n${renderPriceDifference(diff)}`;
      });
    });
}

async function compareFile(operator: OperatorClient, file: string) {
  const { loadConfig } = await import("../../../config/load-config.ts");
  const after = loadConfig(file);
  const { inForce } = await operator.get("/v1/price-lists/schedule", priceSchedule);
  if (inForce === null) {
    const difference = computePriceDifference({ ...after, prices: [] }, after);
    return { file, against: null, ...renderWire(difference) };
  }
  const { version, prices, unpriced } = inForce;
  const before = readShownList({ version, prices, unpriced });
  return { file, against: version, ...renderWire(computePriceDifference(before, after)) };
}
