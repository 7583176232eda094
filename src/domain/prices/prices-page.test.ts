import assert from "node:assert/strict";
// oxlint-disable-next-line no-restricted-imports -- the test reads the page that it checks; what it checks stays pure.
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { isJsonObject } from "../json/json-value.ts";
import { PATTERN_METHODS } from "../routes/match-pattern.ts";
import { AT_MOST_FIELDS } from "./parse/parse-bound.ts";
import { CONDITION_FIELDS } from "./parse/parse-condition.ts";
import { COUNT_FIELDS, INCREASE_FIELDS } from "./parse/parse-count.ts";
import { FIELD_SOURCES } from "./parse/parse-field.ts";
import { ONCE_FIELDS, PRICE_FIELDS } from "./parse/parse-price.ts";
import { TIER_FIELDS } from "./parse/parse-tiers.ts";
import { parsePrices } from "./parse-prices.ts";

const page = readFileSync(new URL("../../../docs/reference/prices.md", import.meta.url), "utf8");

describe("docs/reference/prices.md", () => {
  it("has a row for every field of the parser, and for no other", () => {
    const documented = [...page.matchAll(/^\| `([A-Za-z.]+)` \|/gm)].map(([, field]) => field);
    const fields = [
      ...PRICE_FIELDS,
      ...CONDITION_FIELDS.map((field) => `when.${field}`),
      ...COUNT_FIELDS.map((field) => `count.${field}`),
      ...INCREASE_FIELDS.map((field) => `count.increase.${field}`),
      ...TIER_FIELDS.map((field) => `tiers.${field}`),
      ...AT_MOST_FIELDS.map((field) => `atMost.${field}`),
      ...ONCE_FIELDS.map((field) => `once.${field}`),
      ...FIELD_SOURCES.map((field) => `once.key.${field}`),
    ];
    assert.equal(documented.length, fields.length);
    assert.deepEqual(new Set(documented), new Set(fields));
  });

  it("has a section for every field of a price", () => {
    const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, field]) => field);
    assert.deepEqual(sections, PRICE_FIELDS);
  });

  it("names every method", () => {
    for (const method of PATTERN_METHODS) assert.ok(page.includes(`\`${method}\``), method);
  });

  // Those of an OpenAPI document are tried with their reader, in config/price-source.test.ts.
  it("shows only prices that are accepted", () => {
    const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)]
      .map(([, text = ""]) => text)
      .filter((text) => !/^ {2}openapi:|^paths:/m.test(text));
    assert.equal(blocks.length, 16);
    for (const text of blocks) {
      const file: unknown = parse(text);
      assert.ok(isJsonObject(file));
      const types = Array.isArray(file["creditTypes"]) ? file["creditTypes"].map(String) : ["credits"];
      const parsed = parsePrices(file["prices"], "prices", { creditTypes: types });
      assert.deepEqual(parsed.ok ? [] : parsed.problems, [], text);
    }
  });
});
