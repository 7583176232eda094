import type { Command } from "commander";
import { migrate } from "../../ledger/migrate.ts";
import {
  type Cli,
  databaseOption,
  dataOption,
  jsonOption,
  printResult,
  type StorageOptions,
} from "../cli.ts";
import { openStorage } from "../process/open-storage.ts";

/** `farebox migrate` */
export function addMigrate(program: Command, cli: Cli): void {
  program
    .command("migrate")
    .description("bring the database's schema up to this version; `farebox start` does so too")
    .addOption(databaseOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: StorageOptions) => {
      const database = await openStorage(cli, options);
      try {
        const result = await migrate(database);
        printResult(cli, options, result, () => renderApplied(result.applied, result.version));
      } finally {
        await database.close();
      }
    });
}

function renderApplied(applied: readonly string[], version: number): string {
  if (applied.length === 0) return `Nothing to apply: the schema is at version ${version}.\n`;
  return `${applied.map((name) => `Applied ${name}.`).join("\n")}\nThe schema is at version ${version}.\n`;
}
