import { CommanderError } from "commander";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Terminal } from "./terminal.ts";

/** Exit codes that scripts may rely on. Everything else is 1. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  config_invalid: 2,
  contract_invalid: 2,
  openapi_invalid: 2,
  database_url_invalid: 2,
  data_directory_locked: 3,
  database_unreachable: 4,
};

/** Says what went wrong on standard error, in the words of the error, and returns the process's exit code. */
export function reportError(terminal: Terminal, error: unknown, json: boolean): number {
  // Commander has written its own message by now, and help or version are no failure.
  if (error instanceof CommanderError) {
    if (json && error.exitCode !== 0) {
      terminal.err(
        `${JSON.stringify({ error: { code: "usage", message: error.message.replace(/^error: /, "") } })}\n`,
      );
    }
    return error.exitCode === 0 ? 0 : 1;
  }
  const known = readError(error);
  terminal.err(json ? `${JSON.stringify({ error: errorBody(known) })}\n` : renderForPeople(known));
  return EXIT_CODES[known.code] ?? 1;
}

function readError(error: unknown): FareboxError {
  if (error instanceof FareboxError) return error;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new FareboxError("internal_error", message, { cause: error });
}

function errorBody(error: FareboxError): Record<string, unknown> {
  return { ...error.detail, code: error.code, message: error.message };
}

function renderForPeople(error: FareboxError): string {
  const fix = memberOf(error.detail, "fix");
  const lines = [
    `farebox: ${error.message}`,
    ...wrongFields(error),
    ...(fix === undefined ? [] : [`  fix: ${fix}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** The fields that the operator API names, without what the message has said already. */
function wrongFields(error: FareboxError): string[] {
  const listed = error.detail["errors"];
  if (!Array.isArray(listed)) return [];
  return listed
    .map((item: unknown) => ({ path: memberOf(item, "path") ?? "", reason: memberOf(item, "reason") ?? "" }))
    .filter(({ reason }) => !error.message.includes(reason))
    .map(({ path, reason }) => `  ${path}: ${reason}`);
}

function memberOf(item: unknown, name: string): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const value: unknown = Reflect.get(item, name);
  return typeof value === "string" ? value : undefined;
}
