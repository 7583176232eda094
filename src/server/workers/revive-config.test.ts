import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deserialize, serialize } from "node:v8";
import type { Config } from "../../config/config.ts";
import { loadConfig, parseConfig } from "../../config/load-config.ts";
import { reviveConfig } from "./revive-config.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

function send(config: Config): Config {
  return reviveConfig(deserialize(serialize(config)));
}

test("a configuration arrives at a worker as it was, with everything that has methods", () => {
  const examples = ["coresignal", "crustdata", "explorium", "leadboxer"];
  const files = [
    ...examples.map((name) => join(ROOT, "examples", name, "farebox.yaml")),
    ...readdirSync(join(ROOT, "contracts", "examples")).map((name) =>
      join(ROOT, "contracts", "examples", name),
    ),
  ];
  for (const file of files) {
    const config = loadConfig(file, {});
    assert.deepStrictEqual(send(config), config, file);
  }
});

test("keys of other forms are known there too, and hashed with their salt", () => {
  const text = 'upstream: http://127.0.0.1:9\nkeys: { imported: [{ form: "fc-{hex 32}", salt: pepper }] }\n';
  const { forms } = send(parseConfig("farebox.yaml", text, {})).keys;
  const key = `fc-${"0123456789abcdef".repeat(2)}`;
  assert.equal(forms.isKnown(key), true);
  assert.equal(forms.hashedText(key), `pepper${key}`);
  assert.equal(forms.isKnown(`fd-${"0".repeat(32)}`), false);
});
