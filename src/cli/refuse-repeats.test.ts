import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { collecting } from "./cli.ts";
import { createProgram } from "./program.ts";
import { refuseRepeats } from "./refuse-repeats.ts";
import { createCli } from "./run-cli.ts";
import { createTerminal } from "./terminal/terminal.ts";

function parse(...args: string[]): Record<string, unknown> {
  const given: Record<string, unknown>[] = [];
  const program = new Command("try").exitOverride().configureOutput({ writeErr: () => undefined });
  program
    .command("give")
    .option("-a, --amount <credits>", "how many", "7")
    .option("--note [text]", "why")
    .option("--json", "for programs")
    .option(
      "--tag <tag>",
      "more than one",
      collecting((tag: string, before: readonly string[] | undefined) => [...(before ?? []), tag]),
    )
    .action((options: Record<string, unknown>) => void given.push(options));
  refuseRepeats(program);
  program.parse(["give", ...args], { from: "user" });
  return given[0] ?? {};
}

test("a value that is given twice is refused, in whatever way it is written", () => {
  for (const args of [
    ["--amount", "5", "--amount", "50"],
    ["--amount=5", "-a", "5"],
    ["-a5", "--amount=50"],
    ["--note", "x", "--note"],
  ]) {
    assert.throws(() => parse(...args), {
      code: "farebox.repeatedOption",
      exitCode: 1,
      message: /^error: option '.*' is given more than once$/,
    });
  }
});

test("once, a default, flags and what collects are as before", () => {
  assert.deepEqual(parse("--amount", "5", "--json", "--json"), { amount: "5", json: true });
  assert.deepEqual(parse("--tag", "a", "--tag", "b"), { amount: "7", tag: ["a", "b"] });
});

test("farebox's commands refuse it, before they do anything, and take several scopes and caps", async () => {
  const run = async (...args: string[]): Promise<string> => {
    const told: string[] = [];
    const program = createProgram(createCli(createTerminal()), (text) => told.push(text));
    await program.parseAsync(args, { from: "user" }).catch(() => undefined);
    return told.join("");
  };
  assert.match(
    await run(
      "grant",
      "acc_1",
      "5",
      "--expires",
      "2030-01-01T00:00:00Z",
      "--expires",
      "2031-01-01T00:00:00Z",
    ),
    /'--expires .*more than once/,
  );
  const scoped = [
    "key",
    "create",
    "acc_1",
    "--scope",
    "GET /a",
    "--scope",
    "GET /b",
    "--cap",
    "a:day=1",
    "--cap",
    "b:day=1",
  ];
  assert.match(
    await run(...scoped, "--name", "x", "--name", "y"),
    /^error: option '--name <.*more than once/,
  );
});
