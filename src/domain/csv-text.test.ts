import assert from "node:assert/strict";
import { test } from "node:test";
import { disarmFormula, quoteCsv } from "./csv-text.ts";

test("what a spreadsheet would compute has an apostrophe before it, and nothing else has", () => {
  for (const text of [
    "=1+1",
    "+49 30",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
  ]) {
    assert.equal(disarmFormula(text), `'${text}`);
  }
  for (const text of ["", "1", "a=b", " =1", "'=1", '"=1"', "Ä"]) assert.equal(disarmFormula(text), text);
});

test("a cell is quoted when it has a quote, a comma or a line break", () => {
  assert.deepEqual(["a b;c", 'say "hi"', "a,b", "a\nb", "a\rb", ""].map(quoteCsv), [
    "a b;c",
    '"say ""hi"""',
    '"a,b"',
    '"a\nb"',
    '"a\rb"',
    "",
  ]);
});
