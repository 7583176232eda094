import { Option } from "commander";
import type { OperatorClient } from "./operator-client.ts";
import type { Terminal } from "./terminal.ts";

/** What every command has to work with. */
export interface Cli {
  readonly terminal: Terminal;
  /** The running Farebox that the options, the environment or the data directory name. Throws when there is none. */
  operator(options: OperatorOptions): OperatorClient;
}

/** Options of every command. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** Options of every command that speaks to a running Farebox. */
export interface OperatorOptions extends OutputOptions {
  readonly data?: string;
}

export const jsonOption = (): Option =>
  new Option("--json", "print one JSON document; errors on standard error as JSON too");

export const dataOption = (): Option =>
  new Option("--data <dir>", "the data directory of the running Farebox (default: .farebox)");

/** Prints a result: as JSON for programs, or as the text that `render` makes for people. */
export function printResult(cli: Cli, options: OutputOptions, result: unknown, render: () => string): void {
  cli.terminal.out(options.json === true ? `${JSON.stringify(result)}\n` : render());
}
