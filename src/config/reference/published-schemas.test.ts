import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";

const root = join(import.meta.dirname, "..", "..", "..");

function editorForm(name: string): z.ZodType {
  const schema = JSON.parse(readFileSync(join(root, "schema", name), "utf8")) as z.core.JSONSchema.JSONSchema;
  return z.fromJSONSchema(schema);
}

function problemsOf(form: z.ZodType, path: string): string {
  const parsed = form.safeParse(parse(readFileSync(join(root, path), "utf8")));
  return parsed.success ? "" : z.prettifyError(parsed.error);
}

test("an editor finds nothing wrong with the examples' configurations", () => {
  const paths = globSync("examples/*/farebox.yaml", { cwd: root });
  assert.ok(paths.length >= 4);
  const form = editorForm("farebox.schema.json");
  for (const path of paths) assert.equal(problemsOf(form, path), "", path);
});

test("an editor finds nothing wrong with the shipped contracts", () => {
  const form = editorForm("contract.schema.json");
  for (const path of globSync("contracts/*.yaml", { cwd: root }))
    assert.equal(problemsOf(form, path), "", path);
});

test("an editor marks what is misspelt", () => {
  const config = editorForm("farebox.schema.json");
  const upstream = "http://127.0.0.1:9000";
  assert.equal(config.safeParse({ upstream }).success, true);
  for (const wrong of [
    { upstream: 5 },
    { upstream, unpricd: "free" },
    { upstream, prices: [{ match: "GET /x", cots: 1 }] },
  ]) {
    assert.equal(config.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});
