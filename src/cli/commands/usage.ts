import type { Command } from "commander";
import type { z } from "zod";
import { usageBody } from "../../api/operator/wire/usage.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { renderTable } from "../table.ts";

interface Options extends OperatorOptions {
  readonly credit?: string;
  readonly from?: string;
  readonly to?: string;
}

/** `farebox usage <account>` */
export function addUsage(program: Command, cli: Cli): void {
  program
    .command("usage")
    .description("show what an account spent, by endpoint")
    .argument("<account>", "the account's id")
    .option("--credit <type>", "only this credit type")
    .option("--from <time>", "from this hour on (ISO 8601 with offset; default: 30 days ago)")
    .option("--to <time>", "before this hour (default: now)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, options: Options) => {
      const usage = await cli
        .operator(options)
        .get(`/v1/accounts/${encodeURIComponent(account)}/usage`, usageBody, {
          creditType: options.credit,
          from: options.from,
          to: options.to,
        });
      printResult(cli, options, usage, () => renderUsage(usage));
    });
}

function renderUsage(usage: z.infer<typeof usageBody>): string {
  const rows = usage.endpoints.map((line) => [
    line.creditType,
    line.endpoint,
    String(line.requests),
    String(line.units),
    String(line.credits),
    String(line.refunded),
  ]);
  const table = renderTable(["CREDIT TYPE", "ENDPOINT", "REQUESTS", "UNITS", "CREDITS", "REFUNDED"], rows);
  return `${usage.from} to ${usage.to}\n\n${table}`;
}
