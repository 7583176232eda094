import assert from "node:assert/strict";
import { test } from "node:test";
import { PRICE_FIELDS } from "../../domain/prices/parse/parse-price.ts";
import { listOptions } from "./option-rows.ts";
import { configurationForm, contractForm, publishForm } from "./published-schemas.ts";

test("every option says what it is and why its default is what it is", () => {
  const rows = listOptions(configurationForm()).filter((row) => !row.path.startsWith("prices["));
  assert.ok(rows.length > 40);
  const silent = rows.filter((row) => row.description === "" || row.reason === "");
  assert.deepEqual(
    silent.map((row) => row.path),
    [],
  );
});

test("every field of a contract says what it is", () => {
  const silent = listOptions(contractForm()).filter((row) => row.description === "");
  assert.deepEqual(
    silent.map((row) => row.path),
    [],
  );
});

test("the form of a price for editors has the fields that the parser reads", () => {
  const { prices } = (configurationForm() as { properties: { prices: { anyOf: { type: string }[] } } })
    .properties;
  const list = prices.anyOf.find(({ type }) => type === "array");
  const fields = listOptions(list, "prices")
    .map((row) => /^prices\[\]\.(\w+)$/.exec(row.path)?.[1])
    .filter((field) => field !== undefined);
  assert.deepEqual(fields.toSorted(), PRICE_FIELDS.toSorted());
});

test("the published forms hold no texts of ours", () => {
  const text = JSON.stringify([publishForm(configurationForm()), publishForm(contractForm())]);
  assert.doesNotMatch(text, /"(fix|reason|range)":"/);
});
