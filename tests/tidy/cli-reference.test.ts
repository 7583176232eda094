import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { createCli } from "../../src/cli/run-cli.ts";
import { readTracked } from "./tracked-files.ts";

const program = createProgram(
  createCli({ out: () => undefined, err: () => undefined, interactive: false }),
  () => undefined,
);

/** Every command that does something, with its usage as a heading of the reference has it. */
function leaves(command: Command, path: string): { readonly usage: string; readonly command: Command }[] {
  if (command.commands.length > 0) {
    return command.commands.flatMap((sub) => leaves(sub, `${path} ${sub.name()}`));
  }
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [{ usage: [path, ...words].join(" "), command }];
}

const sections = new Map(
  readTracked("docs/reference/cli.md")
    .split(/^## /m)
    .flatMap((section) => {
      const usage = /^`(farebox [^`]+)`\n/.exec(section)?.[1];
      return usage === undefined ? [] : [[usage, section] as const];
    }),
);

test("the command line's reference has a section for every command, and for nothing else", () => {
  const usages = leaves(program, "farebox").map(({ usage }) => usage);
  assert.deepEqual([...sections.keys()].toSorted(), usages.toSorted());
});

test("each section names every option of its command, and no other", () => {
  for (const { usage, command } of leaves(program, "farebox")) {
    const documented = [...(sections.get(usage) ?? "").matchAll(/^\| `(--?[^`]+)` +\|/gm)].map(
      (match) => match[1] ?? "",
    );
    assert.deepEqual(documented.toSorted(), command.options.map(({ flags }) => flags).toSorted(), usage);
  }
});

test("every command speaks JSON", () => {
  for (const { usage, command } of leaves(program, "farebox")) {
    assert.ok(
      command.options.some(({ long }) => long === "--json"),
      usage,
    );
  }
});
