import { type Command, InvalidArgumentError } from "commander";
import type { z } from "zod";
import { simulationBody } from "../../../api/wire/simulation.ts";
import { priceListToJson } from "../../../domain/prices/price-list-json.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import type { OperatorClient } from "../../operator/operator-client.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderSimulation } from "./render-simulation.ts";
import { SimulationParts, type WholeSimulation } from "./simulation-parts.ts";

interface Options extends OperatorOptions {
  readonly from?: string;
  readonly to?: string;
  readonly account?: string;
  readonly limit?: number;
}

/** Lines that people are shown unless they ask for more. */
const SHOWN_LINES = 20;

/** `farebox prices simulate <config>` */
export function addPricesSimulate(prices: Command, cli: Cli): void {
  prices
    .command("simulate")
    .description("show what recorded charges would have cost under the prices of a configuration file")
    .argument(
      "<config>",
      "the configuration file; only its prices and `unpriced` are used, nothing is published",
    )
    .option("--from <time>", "charges from then on (ISO 8601 with offset; default: 30 days before --to)")
    .option("--to <time>", "charges before then (default: now)")
    .option("--account <account>", "only this account")
    .option(
      "--limit <n>",
      `show so many of the largest changes (default: ${SHOWN_LINES}; with --json: all)`,
      readLimit,
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      const { loadConfig } = await import("../../../config/load-config.ts");
      const { from, to, account, limit } = options;
      const request = { ...priceListToJson(loadConfig(file)), from, to, account };
      const whole = await simulate(cli.operator(options), request, cli.terminal);
      const shown = limit === undefined ? whole : { ...whole, lines: whole.lines.slice(0, limit) };
      printResult(cli, options, shown, () => renderSimulation(whole, limit ?? SHOWN_LINES));
    });
}

/** Part by part: each answers within seconds, however many charges there are. */
async function simulate(
  operator: OperatorClient,
  request: object,
  terminal: Terminal,
): Promise<WholeSimulation> {
  const parts = new SimulationParts();
  let cursor: string | null | undefined;
  do {
    const part: z.infer<typeof simulationBody> = await operator.post(
      "/v1/price-lists/simulations",
      simulationBody,
      { ...request, cursor: cursor ?? undefined },
    );
    parts.add(part);
    cursor = part.next;
    if (terminal.interactive) {
      terminal.err(cursor === null ? "\r\u001B[K" : `\r\u001B[K${parts.charges} charges …`);
    }
  } while (cursor !== null);
  return parts.whole();
}

function readLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be a whole number above 0.");
}
