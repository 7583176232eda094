import type { z } from "zod";
import { accountPricesBody, accountPricesPage } from "../../../api/wire/price-list.ts";
import { type Cli, type OperatorOptions, printResult } from "../../cli.ts";
import { type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

type AccountPrices = z.infer<typeof accountPricesBody>;

const pathOf = (account: string): string => `/v1/accounts/${encodeURIComponent(account)}/price-lists`;

/** `farebox prices publish <file> --account <id>` */
export async function publishAccountPrices(
  cli: Cli,
  options: OperatorOptions & { readonly effective?: string; readonly until?: string },
  file: string,
  account: string,
): Promise<void> {
  const { effective: effectiveAt, until } = options;
  const { loadAccountPrices } = await import("../../../config/load-account-prices.ts");
  const { prices, place } = loadAccountPrices(file);
  const list = await cli
    .operator(options)
    .post(pathOf(account), accountPricesBody, { prices, effectiveAt, until })
    .catch((error: unknown) => {
      throw place(error);
    });
  printResult(
    cli,
    options,
    list,
    () =>
      `Published price list ${list.version} of ${list.account}, effective ${list.effectiveAt}${renderUntil(list)}.\n`,
  );
}

/** `farebox prices list --account <id>` */
export async function listAccountPrices(cli: Cli, options: PageOptions, account: string): Promise<void> {
  const list = { path: pathOf(account), body: accountPricesPage, items: "priceLists" } as const;
  const page = await readPages(cli.operator(options), list, options);
  printResult(cli, options, page, () => {
    const rows = page.priceLists.map(({ version, state, effectiveAt, until, prices }) => [
      String(version),
      state.replace("_", " "),
      effectiveAt,
      until ?? "",
      String(prices.length),
    ]);
    return `${renderTable(["VERSION", "STATE", "EFFECTIVE", "UNTIL", "PRICES"], rows)}${renderNext(page.next)}`;
  });
}

/** `farebox prices cancel <version> --account <id>` */
export async function cancelAccountPrices(
  cli: Cli,
  options: OperatorOptions,
  version: string,
  account: string,
): Promise<void> {
  const path = `${pathOf(account)}/${encodeURIComponent(version)}/cancel`;
  const list = await cli.operator(options).post(path, accountPricesBody, {});
  const what = list.state === "cancelled" ? "Cancelled" : "Nothing cancelled: it is over,";
  printResult(cli, options, list, () => `${what} price list ${list.version} of ${list.account}.\n`);
}

function renderUntil({ until }: AccountPrices): string {
  return until === null ? "" : `, until ${until}`;
}
