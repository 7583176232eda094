import type { Command } from "commander";
import type { z } from "zod";
import { entryPage } from "../../api/wire/entry.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../cli.ts";
import { csvOption, printCsv } from "../render/print-csv.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../render/read-pages.ts";
import { renderTable } from "../render/table.ts";

interface Options extends PageOptions {
  readonly credit?: string;
  readonly kind?: string;
  readonly key?: string;
  readonly endpoint?: string;
  readonly from?: string;
  readonly to?: string;
  readonly csv?: boolean;
}

/** `farebox entries <account>` */
export function addEntries(program: Command, cli: Cli): void {
  const command = program
    .command("entries")
    .description("list the ledger's lines of an account, the newest first")
    .argument("<account>", "the account's id")
    .option("--credit <type>", "the credit type (default: the first of the configuration)")
    .option("--kind <kind>", "only this kind: grant, charge, refund, expiry or adjustment")
    .option("--key <key>", "only charges of this key (key_…)")
    .option(
      "--endpoint <match>",
      'only charges of this endpoint, as its price writes it: "GET /v1/ip-lookup"',
    )
    .option("--from <time>", "at or after this moment (ISO 8601 with offset)")
    .option("--to <time>", "before this moment");
  addPageOptions(command, "lines")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string, options: Options) => {
      const path = `/v1/accounts/${encodeURIComponent(account)}/entries`;
      const query = {
        creditType: options.credit,
        kind: options.kind,
        key: options.key,
        endpoint: options.endpoint,
        from: options.from,
        to: options.to,
      };
      if (options.csv === true) {
        return await printCsv(cli, options, path, { ...query, cursor: options.cursor });
      }
      const list = { path, body: entryPage, items: "entries", query } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => renderEntries(page));
    });
}

function renderEntries(page: z.infer<typeof entryPage>): string {
  if (page.entries.length === 0) return `No entries.\n${renderNext(page.next)}`;
  const rows = page.entries.map((entry) => [
    entry.at,
    entry.kind,
    String(entry.amount),
    String(entry.balance),
    entry.charge ?? entry.grant ?? "",
    // What has any length comes last, where a narrow terminal wraps it.
    [entry.endpoint, entry.reason].filter((text) => text !== null).join(": "),
  ]);
  const table = renderTable(["AT", "KIND", "AMOUNT", "BALANCE", "CHARGE OR GRANT", "WHAT"], rows);
  return `${table}${renderNext(page.next)}`;
}
