import type { Command } from "commander";
import type { z } from "zod";
import { tokenPage } from "../../../api/wire/token.ts";
import { type Cli, dataOption, jsonOption, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";
import { renderLimits } from "./render-limits.ts";

/** `farebox token list` */
export function addTokenList(token: Command, cli: Cli): void {
  const command = token.command("list").description("list the named tokens, the newest first");
  addPageOptions(command, "tokens")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: PageOptions) => {
      const list = { path: "/v1/tokens", body: tokenPage, items: "tokens" } as const;
      const page = await readPages(cli.operator(options), list, options);
      printResult(cli, options, page, () => renderTokens(page));
    });
}

function renderTokens({ tokens, next }: z.infer<typeof tokenPage>): string {
  if (tokens.length === 0) return "No tokens but the operator token.\n";
  const rows = tokens.map((token) => [
    token.id,
    token.name,
    token.role,
    renderLimits(token.limits),
    token.hint,
    token.state,
    token.lastUsedAt ?? "never",
    token.expiresAt ?? "never",
    token.createdBy,
  ]);
  const head = ["TOKEN", "NAME", "ROLE", "GIVES", "HINT", "STATE", "LAST USED", "EXPIRES", "CREATED BY"];
  return `${renderTable(head, rows)}${renderNext(next)}`;
}
