import { createInterface } from "node:readline/promises";
import type { Terminal } from "./terminal.ts";

/** Asks a yes-or-no question on the terminal; undefined when nobody is there to be asked. Enter alone is no. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean | undefined> {
  if (!terminal.interactive || !process.stdin.isTTY) return undefined;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
}
