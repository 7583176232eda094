import type { Command } from "commander";
import type { Config } from "../../config/config.ts";
import type { Price } from "../../domain/prices/price.ts";
import { describePrices } from "../../domain/prices/price-text.ts";
import { type Cli, jsonOption, type OutputOptions, printResult } from "../cli.ts";
import { renderTable } from "../render/table.ts";

interface PricedEndpoint {
  readonly match: string;
  /** In words; a line for each price when there are conditions. */
  readonly costs: readonly string[];
}

/** What is printed of a configuration that is right. */
interface Checked {
  readonly file: string;
  readonly contract: string;
  readonly creditTypes: readonly string[];
  readonly upstreams: readonly string[];
  readonly prices: readonly PricedEndpoint[];
  readonly unpriced: Config["unpriced"];
}

/** `farebox check` */
export function addCheck(program: Command, cli: Cli): void {
  program
    .command("check")
    .description("check a configuration without a database, and print its prices as a table")
    .argument("[file]", "the configuration", "farebox.yaml")
    .addOption(jsonOption())
    .action(async (file: string, options: OutputOptions) => {
      const { loadConfig } = await import("../../config/load-config.ts");
      const checked = summarise(file, loadConfig(file));
      printResult(cli, options, checked, () => render(checked));
    });
}

function summarise(file: string, { contract, creditTypes, upstreams, prices, unpriced }: Config): Checked {
  const byEndpoint = Map.groupBy(prices, ({ endpoint }) => endpoint);
  const otherwise = describeUnpriced(unpriced);
  return {
    file,
    contract,
    creditTypes,
    upstreams: upstreams.map(({ url }) => url),
    prices: [...byEndpoint].map(([match, of]) => ({ match, costs: describe(of, otherwise) })),
    unpriced,
  };
}

function describe(prices: readonly Price[], otherwise: string): string[] {
  return describePrices(prices, otherwise)
    .split("\n")
    .map((line) => line.replace(/^- /, ""));
}

function describeUnpriced(unpriced: Config["unpriced"]): string {
  return unpriced === "free" ? "free" : "refused with 404";
}

function render({ file, contract, creditTypes, upstreams, prices, unpriced }: Checked): string {
  const rows = prices.flatMap(({ match, costs }) =>
    costs.map((cost, line) => [line === 0 ? match : "", cost] as const),
  );
  const table = renderTable(
    ["ENDPOINT", "WHAT IT COSTS"],
    [...rows, ["everything else", describeUnpriced(unpriced)]],
  );
  return `${file} is right.
  contract: ${contract}
  credit types: ${creditTypes.join(", ")}
  upstream: ${upstreams.join(", ") || "none"}

${table}`;
}
