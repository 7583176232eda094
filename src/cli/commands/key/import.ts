import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { importedKeys, MAX_IMPORTED_KEYS } from "../../../api/wire/key-import.ts";
import { FareboxError } from "../../../domain/farebox-error.ts";
import { isJsonObject } from "../../../domain/json/json-value.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";

interface Options extends OperatorOptions {
  readonly account?: string;
}

/** A line of the file, with its number from 1. */
interface Line {
  readonly number: number;
  readonly account: string;
  readonly key: Readonly<Record<string, unknown>>;
}

/** `farebox key import <file>` */
export function addKeyImport(key: Command, cli: Cli): void {
  key
    .command("import")
    .description("import keys that exist already, from a file of JSON Lines; again changes nothing")
    .argument("<file>", 'a line for each key: {"account": "acc_…", "key": "…"} or {…, "sha256": "…"}')
    .option("--account <id>", "the account of lines that name none")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file: string, options: Options) => {
      const lines = readLines(file, options.account);
      const operator = cli.operator(options);
      const sums = { imported: 0, existing: 0, taken: 0 };
      const takenLines: number[] = [];
      let done = 0;
      for (const batch of batchesOf(lines)) {
        const path = `/v1/accounts/${encodeURIComponent(batch[0]?.account ?? "")}/keys/import`;
        const answer = await operator.post(path, importedKeys, { keys: batch.map((line) => line.key) });
        for (const name of ["imported", "existing", "taken"] as const) sums[name] += answer[name];
        for (const [index, { outcome }] of answer.keys.entries()) {
          if (outcome === "taken") takenLines.push(batch[index]?.number ?? 0);
        }
        done += batch.length;
        if (done < lines.length) cli.terminal.err(`${done} of ${lines.length} keys\n`);
      }
      printResult(cli, options, { ...sums, takenLines }, () => renderSums(sums, takenLines));
    });
}

function renderSums(
  { imported, existing, taken }: Readonly<Record<"imported" | "existing" | "taken", number>>,
  takenLines: readonly number[],
): string {
  const sums = `${imported} imported, ${existing} were there already.\n`;
  if (taken === 0) return sums;
  return `${sums}${taken} belong to another account and were left out: lines ${takenLines.slice(0, 20).join(", ")}${taken > 20 ? " …" : ""}.\n`;
}

/** Neighbouring lines of one account, as many as are imported at once. */
function batchesOf(lines: readonly Line[]): Line[][] {
  const batches: Line[][] = [];
  for (const line of lines) {
    const last = batches.at(-1);
    const fits = last !== undefined && last[0]?.account === line.account && last.length < MAX_IMPORTED_KEYS;
    if (fits) last.push(line);
    else batches.push([line]);
  }
  return batches;
}

function readLines(file: string, account: string | undefined): Line[] {
  const lines: Line[] = [];
  for (const [index, text] of readText(file).split("\n").entries()) {
    if (text.trim() === "") continue;
    lines.push(readLine(text, index + 1, account));
  }
  if (lines.length === 0) refuse("has no line");
  return lines;
}

function readLine(text: string, number: number, fallback: string | undefined): Line {
  const value = parse(text);
  // The line may hold a key: it is in no message.
  if (!isJsonObject(value)) refuse(`is not an object of JSON in line ${number}`);
  const { account = fallback, ...key } = value;
  if (typeof account !== "string") refuse(`names no account in line ${number}; write one, or give --account`);
  return { number, account, key };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FareboxError("key_file_invalid", "The file of keys cannot be read.", {
      cause,
      detail: { file },
    });
  }
}

function refuse(what: string): never {
  throw new FareboxError("key_file_invalid", `The file of keys ${what}.`);
}
