import type { Command } from "commander";
import type { MigrateResult } from "../../ledger/migrate.ts";
import {
  type Cli,
  databaseOption,
  databaseTarget,
  dataOption,
  jsonOption,
  printResult,
  type StorageOptions,
} from "../cli.ts";

/** `farebox migrate` */
export function addMigrate(program: Command, cli: Cli): void {
  program
    .command("migrate")
    .description("bring the database's schema up to this version; `farebox start` does so too")
    .addOption(databaseOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: StorageOptions) => {
      const { openStorage, patienceOf } = await import("../process/open-storage.ts");
      const { withPatience } = await import("../../ledger/database/patience.ts");
      const { migrate } = await import("../../ledger/migrate.ts");
      const database = await openStorage(cli, options);
      try {
        const result = await withPatience(databaseTarget(cli, options), patienceOf(cli), () =>
          migrate(database),
        );
        printResult(cli, options, result, () => renderApplied(result));
      } finally {
        await database.close();
      }
    });
}

function renderApplied({ applied, version, missing }: MigrateResult): string {
  const lines =
    applied.length === 0
      ? [`Nothing to apply: the schema is at version ${version}.`]
      : [...applied.map((name) => `Applied ${name}.`), `The schema is at version ${version}.`];
  const warnings = missing.map((problem) => `A partition is missing: ${problem}.`);
  return `${[...lines, ...warnings].join("\n")}\n`;
}
