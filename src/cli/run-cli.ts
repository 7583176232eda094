import { readFileSync } from "node:fs";
import { type Environment, readEnvironment } from "../config/environment.ts";
import { type Cli, dataDirectory } from "./cli.ts";
import { findOperator } from "./operator/find-operator.ts";
import { createOperatorClient } from "./operator/operator-client.ts";
import { createProgram } from "./program.ts";
import { reportError } from "./terminal/report-error.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Runs one command and returns the process's exit code. `args` are those after the program's name. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const json = args.includes("--json");
  const cli = createCli(terminal);
  try {
    await createProgram(cli, json ? () => undefined : (text) => terminal.err(text)).parseAsync(args, {
      from: "user",
    });
    return cli.exitCode();
  } catch (error) {
    return reportError(terminal, error, json);
  }
}

/** What commands work with, on this process's environment. */
export function createCli(terminal: Terminal): Cli {
  let exitCode = 0;
  let environment: Environment | undefined;
  const cli: Cli = {
    terminal,
    version: readVersion(),
    environment: () => (environment ??= readEnvironment()),
    operator: (options) => {
      const { operatorUrl, operatorToken } = cli.environment();
      return createOperatorClient(
        findOperator({ url: operatorUrl, token: operatorToken, directory: dataDirectory(options) }),
      );
    },
    exitCode: () => exitCode,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  return cli;
}

/** Two folders above this file in the sources and in the published package. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version: unknown = Object(manifest).version;
  return typeof version === "string" ? version : "unknown";
}
