import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { createCli } from "../../src/cli/run-cli.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { readTracked, trackedFiles } from "./tracked-files.ts";

const readme = readTracked("README.md");

test("the README's configuration is one that starts", () => {
  const example = /```yaml\n# farebox\.yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const config = parseConfig("farebox.yaml", example, {});
  assert.deepEqual(
    config.prices.map((price) => price.endpoint),
    ["GET /v1/ip-lookup", "POST /v1/businesses"],
  );
});

const documents = trackedFiles(/^(?!tests\/|examples\/).*\.md$/);

/** Each command by its words, with its options. */
function listCommands(): ReadonlyMap<string, readonly string[]> {
  const silent = { out: () => undefined, err: () => undefined, interactive: false };
  const program = createProgram(createCli(silent), () => undefined);
  const found = new Map<string, readonly string[]>();
  const add = (command: Command, words: readonly string[]): void => {
    found.set(words.join(" "), ["--help", ...command.options.map(({ long }) => long ?? "")]);
    for (const one of command.commands) add(one, [...words, one.name()]);
  };
  add(program, []);
  return found;
}

/** What is wrong with `farebox …` as a document shows it. */
function judgeCommand(line: string, commands: ReadonlyMap<string, readonly string[]>): string | undefined {
  const words = line.trim().split(/\s+/).slice(1);
  let count = 0;
  while (count < words.length && commands.has(words.slice(0, count + 1).join(" "))) count += 1;
  const options = commands.get(words.slice(0, count).join(" ")) ?? [];
  if (count === 0 && /^[a-z]/.test(words[0] ?? "")) return `no command: ${line}`;
  const unknown = line.match(/(?<=\s)--[a-z][a-z-]*/g)?.filter((option) => !options.includes(option)) ?? [];
  return unknown.length > 0 ? `no option ${unknown.join()}: ${line}` : undefined;
}

test("the commands and options that documents show exist", () => {
  const commands = listCommands();
  const shown = documents.flatMap((path) =>
    [...readTracked(path).matchAll(/(?<=`|^\$ |^|npx |\| )farebox [^`\n|#]+/gm)].map(([line]) => ({
      path,
      line,
    })),
  );
  assert.ok(shown.length > 100);
  const wrong = shown.flatMap(({ path, line }) => {
    const reason = judgeCommand(line, commands);
    return reason === undefined ? [] : [`${path}: ${reason}`];
  });
  assert.deepEqual(wrong, []);
  assert.match(judgeCommand("farebox grant acc_… --foo", commands) ?? "", /^no option --foo/);
  assert.match(judgeCommand("farebox fly", commands) ?? "", /^no command/);
});

test("the files of this repository and the scripts that documents name exist", () => {
  const files = trackedFiles(/./);
  const { scripts } = JSON.parse(readTracked("package.json")) as { scripts: Record<string, string> };
  const wrong = documents.flatMap((path) => {
    const text = readTracked(path);
    const named = [...text.matchAll(/`((?:[\w-]+\/)*[\w.-]+\.(?:ts|tsx|sql))`/g)].map(
      ([, name = ""]) => name,
    );
    const run = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map(([, name = ""]) => name);
    return [
      ...named.filter((name) => !files.some((file) => file === name || file.endsWith(`/${name}`))),
      ...run.filter((name) => scripts[name] === undefined),
    ].map((name) => `${path}: ${name}`);
  });
  assert.deepEqual(wrong, []);
});

test("the README leads to every page of docs", () => {
  const pages = trackedFiles(/^docs\/(?!decisions\/).*\.md$/);
  assert.deepEqual(
    pages.filter((page) => !readme.includes(`](${page})`)),
    [],
  );
});

test("links between documents lead somewhere", () => {
  const broken = trackedFiles(/^(?!tests\/).*\.md$/).flatMap((path) =>
    [...readTracked(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !existsSync(join(import.meta.dirname, "..", "..", path, "..", target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});
