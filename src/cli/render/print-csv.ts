import { Option } from "commander";
import type { Query } from "../../client/transport.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { Cli, OperatorOptions } from "../cli.ts";

/** How often the progress of a long table is shown. */
const PROGRESS_MS = 250;

export const csvOption = (): Option =>
  new Option("--csv", "print all of it as CSV, for spreadsheets").conflicts(["json", "limit", "all"]);

/**
 * Prints a table of any length as it arrives. A person who waits for it sees on standard error how far it is. Throws
 * FareboxError `instance_unreachable` when the answer breaks off: what was printed is not all.
 */
export async function printCsv(
  cli: Cli,
  options: OperatorOptions,
  path: string,
  query: Query,
): Promise<void> {
  const stream = await cli.operator(options).stream(path, "text/csv", query);
  const decoder = new TextDecoder();
  const progress = createProgress(cli);
  let lines = 0;
  try {
    for await (const chunk of stream) {
      cli.terminal.out(decoder.decode(chunk, { stream: true }));
      for (const byte of chunk) if (byte === LINE_FEED) lines += 1;
      progress.show(lines);
    }
  } catch (cause) {
    const text = `The answer broke off after ${lines} lines: what was printed is not all of it.`;
    throw new FareboxError("instance_unreachable", text, { retryable: true, cause });
  } finally {
    progress.end(lines);
  }
}

const LINE_FEED = 10;

interface Progress {
  show(lines: number): void;
  end(lines: number): void;
}

/** One line on standard error that counts up; nothing for programs, nor for what is done at once. */
function createProgress({ terminal }: Cli): Progress {
  let shownAt = performance.now();
  let isShown = false;
  const write = (lines: number, end: string): void =>
    terminal.err(`\r${lines.toLocaleString("en")} lines${end}`);
  return {
    show: (lines) => {
      if (!terminal.interactive || performance.now() - shownAt < PROGRESS_MS) return;
      write(lines, "");
      shownAt = performance.now();
      isShown = true;
    },
    end: (lines) => {
      if (isShown) write(lines, "\n");
    },
  };
}
