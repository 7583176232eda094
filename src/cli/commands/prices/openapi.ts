import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { priceSchedule } from "../../../api/wire/price-list.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { ShownPrices } from "../../../openapi/price-operations.ts";
import type { WrittenDocument } from "../../../openapi/write-prices.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { countOf } from "../../render/count-of.ts";
import { readShownList } from "./read-shown-list.ts";

interface Options extends OperatorOptions {
  readonly output: string;
  readonly config?: string;
  readonly basePath?: string;
}

/** `farebox prices openapi <document>` */
export function addPricesOpenapi(prices: Command, cli: Cli): void {
  prices
    .command("openapi")
    .description("write the price of each operation, in force and announced, into an OpenAPI document")
    .argument("<document>", "an OpenAPI 3 document, YAML or JSON")
    .requiredOption("-o, --output <file>", "where to write it; - is standard output")
    .option(
      "--config <file>",
      "the prices of this file (default: those of the running Farebox, with the announced ones)",
    )
    .option(
      "--base-path <path>",
      "what stands before the document's paths (default: the path of its servers)",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      const { output, config } = options;
      const text = readDocument(file);
      const shown = config === undefined ? await readShown(cli, options) : await showFile(config);
      const basePath = options.basePath?.replace(/\/+$/, "");
      const { writePrices } = await import("../../../openapi/write-prices.ts");
      const written = writePrices(file, text, shown, { basePath });
      const { text: result, ...report } = written;
      if (output !== "-") {
        writeDocument(output, result);
        printResult(cli, options, { output, ...report }, () => renderReport(output, written));
        return;
      }
      if (options.json === true) {
        printResult(cli, options, { document: result, ...report }, () => "");
        return;
      }
      cli.terminal.out(result);
      cli.terminal.err(renderReport("standard output", written));
    });
}

async function showFile(config: string): Promise<ShownPrices> {
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { prices, unpriced } = loadConfig(config);
  return { inForce: { version: 0, prices, unpriced }, announced: [] };
}

async function readShown(cli: Cli, options: OperatorOptions): Promise<ShownPrices> {
  const { inForce, announced } = await cli.operator(options).get("/v1/price-lists/schedule", priceSchedule);
  return {
    inForce: inForce === null ? { version: 0, prices: [], unpriced: "free" } : readShownList(inForce),
    announced: announced.map((list) => ({
      effectiveAt: new Date(list.effectiveAt),
      list: readShownList(list),
    })),
  };
}

function readDocument(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("openapi_invalid", `The OpenAPI document cannot be read: ${reason}`, { cause });
  }
}

function writeDocument(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("openapi_invalid", `The OpenAPI document cannot be written: ${reason}`, {
      cause,
      detail: { fix: "Name another file with --output, or - for standard output." },
    });
  }
}

function renderReport(
  output: string,
  { operations, withPrice, withoutPrice, withoutOperation }: WrittenDocument,
): string {
  const list = (head: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `${head}:\n${lines.map((line) => `  ${line}\n`).join("")}`;
  return [
    `Wrote the prices of ${withPrice} of ${countOf(operations, "operation")} to ${output}.\n`,
    list("Operations without a price", withoutPrice),
    list("Prices without an operation", withoutOperation),
  ].join("");
}
