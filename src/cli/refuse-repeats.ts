import type { Command } from "commander";

/**
 * Makes it a wrong usage to give an option's value twice, for a command and all below it. The last one would win without a word: of
 * `--amount 5 … --amount 50` nobody knows which was meant. Options that collect what they are given, in a list, may be repeated.
 */
export function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    if (!option.required && !option.optional) continue;
    let times = 0;
    // Commander's own listener came first: the value has been read.
    command.on(`option:${option.name()}`, () => {
      times += 1;
      if (times === 1 || Array.isArray(command.getOptionValue(option.attributeName()))) return;
      command.error(`error: option '${option.flags}' is given more than once`, {
        code: "farebox.repeatedOption",
      });
    });
  }
  for (const below of command.commands) refuseRepeats(below);
}
