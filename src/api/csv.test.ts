import assert from "node:assert/strict";
import { test } from "node:test";
import { type CsvColumn, csvHeaders, streamCsv, wantsCsv } from "./csv.ts";

type Cell = ReturnType<CsvColumn<unknown>["cell"]>;

const COLUMNS: readonly CsvColumn<readonly Cell[]>[] = [
  { name: "what", cell: ([first = null]) => first },
  { name: "much", cell: ([, second = null]) => second },
];

async function* pagesOf(...pages: readonly (readonly (readonly Cell[])[])[]) {
  yield* pages;
}

const render = async (...rows: readonly (readonly Cell[])[]): Promise<string> =>
  await new Response(await streamCsv(COLUMNS, pagesOf(rows))).text();

test("lines end with CRLF under a header, also without rows", async () => {
  assert.equal(await render(), "what,much\r\n");
  assert.equal(await render(["a", "b"], ["", null]), "what,much\r\na,b\r\n,\r\n");
});

test("text with commas, quotes or line breaks is quoted", async () => {
  assert.equal(
    await render(['say "hi", twice', "a\nb"], ["a\rb", " plain "]),
    'what,much\r\n"say ""hi"", twice","a\nb"\r\n"a\rb", plain \r\n',
  );
});

test("text that a spreadsheet would run as a formula is defused; amounts and numbers are not text", async () => {
  for (const start of ["=", "+", "-", "@", "\t", "＝", "＠"]) {
    assert.equal(await render([`${start}1+1`, "x=1"]), `what,much\r\n'${start}1+1,x=1\r\n`);
  }
  for (const start of ["\r", "\n"]) {
    assert.equal(await render([`${start}=1`, ""]), `what,much\r\n"'${start}=1",\r\n`);
  }
  assert.equal(await render(['="a"', ""]), `what,much\r\n"'=""a""",\r\n`);
  assert.equal(await render([-1_500_000n, -3]), "what,much\r\n-1.5,-3\r\n");
  assert.equal(await render([1n, new Date(0)]), "what,much\r\n0.000001,1970-01-01T00:00:00.000Z\r\n");
});

test("a page is read when the one before was taken, and none for a reader that has left", async () => {
  let read = 0;
  let ended = false;
  const stream = await streamCsv(
    COLUMNS,
    (async function* () {
      try {
        for (;;) {
          read += 1;
          yield [["row", read]];
        }
      } finally {
        ended = true;
      }
    })(),
  );
  assert.equal(read, 1, "the first page is there before the answer begins");
  const reader = stream.getReader();
  for (let taken = 1; taken <= 20; taken += 1) {
    await reader.read();
    assert.ok(read <= taken + 1, `${read} pages were read when ${taken} chunks were taken`);
  }
  await reader.cancel();
  assert.ok(ended);
});

test("a first page that fails is an error before the answer; a later one breaks the stream", async () => {
  const failing = async function* (good: number) {
    for (let page = 0; page < good; page += 1) yield [["row", page]];
    throw new Error("storage is gone");
  };
  await assert.rejects(streamCsv(COLUMNS, failing(0)), /storage is gone/);
  await assert.rejects(new Response(await streamCsv(COLUMNS, failing(2))).text(), /storage is gone/);
});

test("CSV is chosen by the format, else by Accept", () => {
  assert.equal(wantsCsv("csv", "application/json"), true);
  assert.equal(wantsCsv("json", "text/csv"), false);
  for (const [accept, expected] of [
    [undefined, false],
    ["", false],
    ["text/csv", true],
    ["text/csv, application/json", true],
    ["application/json, text/csv", false],
    ["application/json;q=0.5, text/csv", true],
    ["text/csv;q=0.1, */*", false],
    ["text/csv;q=0", false],
    ["text/html,application/xhtml+xml,*/*;q=0.8", false],
  ] as const) {
    assert.equal(wantsCsv(undefined, accept), expected, accept);
  }
});

test("a file's name is safe in a header", () => {
  assert.equal(csvHeaders('a"b\r\nc/d')["content-disposition"], 'attachment; filename="a-b--c-d.csv"');
});
