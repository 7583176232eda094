import type { Command } from "commander";
import type { z } from "zod";
import { soughtKeys } from "../../../api/wire/key.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { renderTable } from "../../render/table.ts";
import { readInput } from "../../terminal/read-input.ts";

/** `farebox key search [hint]` */
export function addKeySearch(key: Command, cli: Cli): void {
  key
    .command("search")
    .description("find whose a key is, by its hint or by its text, which is read from standard input")
    .argument("[hint]", "the key's hint, or its last four characters; without it a key's text is read")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (hint: string | undefined, options: OperatorOptions) => {
      // Not as an argument: those are in the shell's history and in the list of processes.
      const sought = hint === undefined ? { text: await readInput() } : { hint };
      const found = await cli.operator(options).post("/v1/keys/search", soughtKeys, sought);
      printResult(cli, options, found, () => renderFound(found));
    });
}

function renderFound({ keys }: z.infer<typeof soughtKeys>): string {
  if (keys.length === 0) return "No key has it.\n";
  const rows = keys.map((key) => [
    key.id,
    key.matched === "former" ? "a former text" : "",
    key.name,
    key.hint,
    key.state,
    key.account,
    key.accountName,
    key.accountState,
  ]);
  const head = ["KEY", "BY", "NAME", "HINT", "STATE", "ACCOUNT", "ACCOUNT NAME", "ACCOUNT STATE"];
  return renderTable(head, rows);
}
