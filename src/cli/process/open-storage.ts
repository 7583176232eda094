import type { Database } from "../../ledger/database/database.ts";
import { openDatabase } from "../../ledger/database/open-database.ts";
import type { Patience } from "../../ledger/database/patience.ts";
import { type Cli, databaseTarget, type StorageOptions } from "../cli.ts";

/** Opens the database that the options name, saying on standard error what it waits for. Rejects like openDatabase. */
export function openStorage(cli: Cli, options: StorageOptions): Promise<Database> {
  return openDatabase(databaseTarget(cli, options), patienceOf(cli));
}

/** Says on standard error what is waited for. */
export function patienceOf(cli: Cli): Patience {
  return {
    onRetry: ({ number, inMs, reason }) =>
      cli.terminal.err(`Attempt ${number}: ${reason}. Trying again in ${(inMs / 1000).toFixed(1)} s.\n`),
  };
}
