import type { Command } from "commander";
import type { z } from "zod";
import { usageBody } from "../../api/wire/usage.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../cli.ts";
import { csvOption, printCsv } from "../render/print-csv.ts";
import { renderTable } from "../render/table.ts";

interface Options extends OperatorOptions {
  readonly by?: string;
  readonly resolution?: string;
  readonly timeZone?: string;
  readonly credit?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
  readonly csv?: boolean;
}

type Usage = z.infer<typeof usageBody>;
type Sums = Usage["totals"][number];

/** `farebox usage [account]` */
export function addUsage(program: Command, cli: Cli): void {
  program
    .command("usage")
    .description("show what an account, or all of them, spent: by endpoint, key, account and time")
    .argument("[account]", "the account's id; all accounts when it is left out")
    .option(
      "--by <groups>",
      "some of account, endpoint, key, separated by commas (default: endpoint, or time alone)",
    )
    .option("--resolution <step>", "a line for each hour (at most 7 days), day (60 days) or month (2 years)")
    .option(
      "--time-zone <zone>",
      "whose hours, days and months: UTC or a name like Europe/Berlin (default: UTC)",
    )
    .option("--credit <type>", "only this credit type")
    .option("--endpoint <match>", 'only this endpoint, as its price writes it: "GET /v1/ip-lookup"')
    .option("--key <key>", "only this key (key_…)")
    .option(
      "--from <time>",
      "from this quarter of an hour on (ISO 8601 with offset; default: the last 30 days, 24 hours or 12 months)",
    )
    .option("--to <time>", "up to this quarter of an hour (default: now)")
    .addOption(csvOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (account: string | undefined, options: Options) => {
      const path = account === undefined ? "/v1/usage" : `/v1/accounts/${encodeURIComponent(account)}/usage`;
      const query = {
        groupBy: options.by,
        resolution: options.resolution,
        timeZone: options.timeZone,
        creditType: options.credit,
        endpoint: options.endpoint,
        key: options.key,
        from: options.from,
        to: options.to,
      };
      if (options.csv === true) return await printCsv(cli, options, path, query);
      const usage = await cli.operator(options).get(path, usageBody, query);
      printResult(cli, options, usage, () => renderUsage(usage));
    });
}

function renderUsage(usage: Usage): string {
  const { resolution, groupBy, rows, totals } = usage;
  const clock = resolution === null ? undefined : createClock(resolution, usage.timeZone);
  const head = [
    ...(clock === undefined ? [] : ["TIME"]),
    ...groupBy.map((group) => group.toUpperCase()),
    ...SUMS,
  ];
  const lines = rows.map((row) => [
    ...(clock === undefined ? [] : [clock(row.time)]),
    ...groupBy.map((group) => row[group] ?? ""),
    ...renderSums(row),
  ]);
  const until = usage.completeUntil === null ? "" : `, complete until ${usage.completeUntil}`;
  const period = `${usage.from} to ${usage.to}${until}\n\n${renderTable(head, lines)}`;
  if (rows.length <= totals.length) return period;
  return `${period}\nIn total\n${renderTable(SUMS, totals.map(renderSums))}`;
}

const SUMS = ["CREDIT TYPE", "REQUESTS", "UNITS", "CREDITS", "REFUNDED"];

function renderSums({ creditType, requests, units, credits, refunded }: Sums): string[] {
  return [creditType, String(requests), String(units), String(credits), String(refunded)];
}

/** What calendar and clock of the zone show, as far as the resolution goes; hours with their offset, which tells double ones apart. */
function createClock(
  resolution: NonNullable<Usage["resolution"]>,
  timeZone: string,
): (time: string | null) => string {
  const hour = { hour: "2-digit", minute: "2-digit", timeZoneName: "longOffset" } as const;
  // The Swedish way to write a date is that of ISO 8601.
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    ...(resolution === "month" ? {} : { day: "2-digit" }),
    ...(resolution === "hour" ? hour : {}),
  });
  return (time) => (time === null ? "" : format.format(new Date(time)));
}
