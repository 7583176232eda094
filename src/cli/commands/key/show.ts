import type { Command } from "commander";
import type { z } from "zod";
import { keyBody, permissionsBody } from "../../../api/wire/key.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderTable } from "../../render/table.ts";
import { renderKey } from "./render-key.ts";

interface Options extends OperatorOptions {
  readonly permissions?: boolean;
}

type Permissions = z.infer<typeof permissionsBody>;

/** `farebox key show <key>` */
export function addKeyShow(key: Command, cli: Cli): void {
  key
    .command("show")
    .description("show a key: its scopes, what it has spent of its caps, when it was last used")
    .argument("<key>", "the key's id (key_…)")
    .option("--permissions", "the endpoints of the prices in force, too, and whether it may call them")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const operator = cli.operator(options);
      const path = `/v1/keys/${encodeURIComponent(id)}`;
      const shown = await operator.get(path, keyBody);
      if (options.permissions !== true) {
        printResult(cli, options, shown, () => renderKey(shown));
        return;
      }
      const permissions = await operator.get(`${path}/permissions`, permissionsBody);
      const text = (): string => `${renderKey(shown)}\n${renderPermissions(permissions)}`;
      printResult(cli, options, { ...shown, permissions }, text);
    });
}

function renderPermissions({ endpoints, unpriced }: Permissions): string {
  const rows = endpoints.map(({ endpoint, permitted, prices }) => [
    endpoint,
    permitted,
    prices.map(renderPrice).join(" or "),
  ]);
  const others = unpriced.policy === "free" ? "free" : "refused";
  return renderTable(
    ["ENDPOINT", "PERMITTED", "COST"],
    [...rows, ["(without a price)", unpriced.permitted, others]],
  );
}

/** `free`, `2 credits`, `1 credits per result`. */
function renderPrice(price: Readonly<Record<string, unknown>>): string {
  if (price["free"] === true) return "free";
  const per = price["per"] === "result" ? " per result" : "";
  return `${String(price["cost"])} ${String(price["credit"])}${per}`;
}
