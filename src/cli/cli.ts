import { Option } from "commander";
import type { Environment } from "../config/environment.ts";
import type { DatabaseTarget } from "../ledger/database/open-database.ts";
import type { OperatorClient } from "./operator/operator-client.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** What every command has to work with. */
export interface Cli {
  readonly terminal: Terminal;
  /** Farebox's own version. */
  readonly version: string;
  /** The process's environment, read when a command asks: a wrong variable is that command's error, not that of `--help`. */
  environment(): Environment;
  /** The running Farebox that the environment or the data directory names. Throws when there is none. */
  operator(options: OperatorOptions): OperatorClient;
  /** What the process exits with when the command was carried out; 0 unless a command finds something wrong. */
  exitCode(): number;
  setExitCode(code: number): void;
}

/** Options of every command. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** Options of every command that speaks to a running Farebox. */
export interface OperatorOptions extends OutputOptions {
  readonly data?: string;
}

/** Options of every command that opens the database itself. */
export interface StorageOptions extends OutputOptions {
  readonly data?: string;
  readonly database?: string;
}

/** Where the embedded database, the operator token and the running instance's address are kept. */
const DEFAULT_DATA_DIRECTORY = ".farebox";

/** Parsers that are given what their option had before: see collecting. */
const COLLECTING = new WeakSet<object>();

/** Marks the parser of an option that may be given several times, each time for one more. Other values may be given once. */
export function collecting<Parse extends object>(parse: Parse): Parse {
  COLLECTING.add(parse);
  return parse;
}

export function isCollecting(parse: object | undefined): boolean {
  return parse !== undefined && COLLECTING.has(parse);
}

export const jsonOption = (): Option =>
  new Option("--json", "print one JSON document; errors on standard error as JSON too");

export const dataOption = (): Option =>
  new Option(
    "--data <dir>",
    `the data directory: embedded database, operator token (default: ${DEFAULT_DATA_DIRECTORY})`,
  );

export const databaseOption = (): Option =>
  new Option("--database <url>", "a Postgres server (default: DATABASE_URL, else the embedded database)");

export function dataDirectory(options: { readonly data?: string }): string {
  return options.data ?? DEFAULT_DATA_DIRECTORY;
}

/**
 * The database: the option's server, else the environment's, else the embedded one in the data directory. The directory
 * alone does not choose it: it keeps the operator token of an instance on a server too.
 */
export function databaseTarget(cli: Cli, options: StorageOptions): DatabaseTarget {
  const url = options.database ?? cli.environment().databaseUrl;
  return url === undefined ? { directory: dataDirectory(options) } : { url };
}

/** Prints a result: as JSON for programs, or as the text that `render` makes for people. */
export function printResult(cli: Cli, options: OutputOptions, result: unknown, render: () => string): void {
  cli.terminal.out(options.json === true ? `${JSON.stringify(result)}\n` : render());
}
