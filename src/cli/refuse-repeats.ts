import type { Command } from "commander";
import { isCollecting } from "./cli.ts";

/**
 * Makes it a wrong usage to give an option's value twice, for a command and all below it. The last one would win without a word: of
 * `--amount 5 … --amount 50` nobody knows which was meant. Options that collect what they are given may be repeated.
 */
export function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    const hasValue = option.required || option.optional;
    if (!hasValue || option.variadic || isCollecting(option.parseArg)) continue;
    let times = 0;
    command.on(`option:${option.name()}`, () => {
      times += 1;
      if (times === 1) return;
      command.error(`error: option '${option.flags}' is given more than once`, {
        code: "farebox.repeatedOption",
      });
    });
  }
  for (const below of command.commands) refuseRepeats(below);
}
