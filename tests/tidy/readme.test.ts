import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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

test("the commands that the README names exist", () => {
  const reference = readTracked("docs/reference/cli.md");
  const commands = [...readme.matchAll(/farebox ((?:account|key|prices) \w+|start|grant|audit)\b/g)].map(
    (match) => match[1] ?? "",
  );
  assert.ok(commands.length >= 5);
  assert.deepEqual(
    commands.filter((command) => !reference.includes(`farebox ${command}`)),
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
