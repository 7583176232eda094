import type { Command } from "commander";

/** Which charges: the same for the preview and for what is then done. */
export interface FilterOptions {
  readonly from: string;
  readonly to: string;
  readonly account?: string;
  readonly credit?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly priceList?: string;
  readonly status?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .requiredOption("--from <time>", "charges at or after this moment (ISO 8601 with offset)")
    .requiredOption("--to <time>", "charges before this moment, which is not in the future")
    .option("--account <account>", "only charges of this account (acc_…)")
    .option("--credit <type>", "only charges in this credit type")
    .option(
      "--endpoint <match>",
      'only charges of this endpoint, as its price writes it: "GET /v1/ip-lookup"',
    )
    .option("--key <key>", "only charges of this key (key_…)")
    .option("--price-list <version>", "only charges that this price list priced")
    .option("--status <code>", "only charges with this status of the upstream");
}

/** The filter as the operator API takes it, which checks it. */
export function filterOf(options: FilterOptions): object {
  const { from, to, account, endpoint, key, credit: creditType, priceList, status } = options;
  return {
    from,
    to,
    account,
    creditType,
    endpoint,
    key,
    priceList: priceList === undefined ? undefined : Number(priceList),
    status: status === undefined ? undefined : Number(status),
  };
}
