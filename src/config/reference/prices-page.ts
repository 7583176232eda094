import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { PRICE_NOTES } from "../sections/price-notes.ts";
import { priceForm } from "../sections/price-schema.ts";
import { listOptions, renderTable } from "./option-rows.ts";

const PAGE = join(import.meta.dirname, "..", "..", "..", "docs", "reference", "prices.md");
const TABLE = /(<!-- Made from [^>]*: the fields of (\w+)\. -->\n\n)(?:\|.*\n)+/g;

/** Parts of a price whose own fields have rows; what lies deeper is written about where it is read. */
const PARTS: ReadonlySet<string> = new Set([
  "",
  "when",
  "count",
  "count.increase",
  "atMost",
  "tiers",
  "once",
  "once.key",
]);

/** The page with its tables made anew; the text around them is a person's. */
export function renderPricesPage(): string {
  const fields = listOptions(z.toJSONSchema(priceForm, { io: "input", target: "draft-7" }))
    .map(({ path }) => path)
    .filter((path) => PARTS.has(path.slice(0, Math.max(0, path.lastIndexOf(".")))));
  const unknown = Object.keys(PRICE_NOTES).find((path) => !fields.includes(path));
  if (unknown !== undefined) throw new TypeError(`a price has no field ${unknown}: remove its note`);
  return readFileSync(PAGE, "utf8").replaceAll(TABLE, (_, marker: string, part: string) => {
    const own = fields.filter((path) =>
      part === "price" ? !path.includes(".") : path.startsWith(`${part}.`),
    );
    return `${marker}${renderTable(["field", "type", "default", "example"], own.map(renderRow))}\n`;
  });
}

function renderRow(path: string): readonly string[] {
  const note = PRICE_NOTES[path];
  if (note === undefined) throw new TypeError(`the field ${path} of a price has no note`);
  return [`\`${path}\``, ...note];
}
