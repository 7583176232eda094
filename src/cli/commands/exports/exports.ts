import type { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { addExportsCancel, addExportsRetry } from "./change.ts";
import { addExportsList } from "./list.ts";
import { addExportsShow } from "./show.ts";

/** `farebox exports …`: customers' bulk jobs. */
export function addExports(program: Command, cli: Cli): void {
  const exports = program.command("exports").description("customers' bulk jobs, charged by their records");
  addExportsList(exports, cli);
  addExportsShow(exports, cli);
  addExportsRetry(exports, cli);
  addExportsCancel(exports, cli);
}
