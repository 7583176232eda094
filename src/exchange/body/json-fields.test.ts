import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { readJsonPointer } from "../../domain/json/json-pointer.ts";
import { type ReadFields, readJsonFields } from "./json-fields.ts";

function cut(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

async function read(text: string, pointers: readonly string[], size = 1_000_000): Promise<ReadFields> {
  return readJsonFields(cut(text, size), pointers);
}

/** Names that no reader takes for one another. */
const name = fc.constantFrom("a", "b", "0", "1", "é", "a/b", "~", "", "toString");
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(null, true, 3, 0, -1, 2.5, 1e300, "x", "\ud83d\ude00", 'q"\\'),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(name, tie("node"), { maxKeys: 4 }),
  ),
})).node;
const pointer = fc
  .array(name, { maxLength: 3 })
  .map((tokens) => tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));

describe("readJsonFields", () => {
  it("finds what JSON.parse and the pointers find, whatever the chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.uniqueArray(pointer, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(undefined, 1, "\t"),
        async (value, pointers, size, indent) => {
          const text = JSON.stringify(value, null, indent);
          const found = await read(text, pointers, size);
          assert.ok(found.kind === "read", text);
          for (const wanted of pointers) {
            const expected = readJsonPointer(JSON.parse(text), wanted);
            const field = found.fields.get(wanted);
            const place = `${wanted} of ${text}`;
            assert.equal(field === undefined, expected === undefined, place);
            if (field === undefined) continue;
            assert.equal(field.canonical, canonicalJson(expected), place);
            assert.equal(field.length, Array.isArray(expected) ? expected.length : undefined, place);
            if (field.kind === "scalar") assert.deepEqual(field.value, expected, place);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("is unreadable, cut anywhere", async () => {
    const text = '{"a":{"b":["é",1.5e3,true]},"c":"\\u00e9"}';
    for (let length = 0; length < text.length; length++)
      assert.equal((await read(text.slice(0, length), ["/a/b"], 3)).kind, "unreadable", String(length));
  });

  it("takes turns with a large body, and reads it alike", async () => {
    const text = `{"x":[${"[1,{}],".repeat(20_000)}0],"mode":"full","ids":[${"7,".repeat(30_000)}8]}`;
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const found = await read(text, ["/mode", "/ids"], 65_536);
    isOver = true;
    assert.ok(found.kind === "read");
    assert.equal(found.fields.get("/mode")?.value, "full");
    assert.deepEqual(found.fields.get("/ids"), { kind: "list", length: 30_001 });
    assert.ok(turns >= 1);
  });

  it("tells numbers apart that a double does not, and no spellings of one", async () => {
    const textOf = async (number: string) => {
      const found = await read(`{"id":${number}}`, ["/id"]);
      return found.kind === "read" ? found.fields.get("/id")?.canonical : found.kind;
    };
    assert.notEqual(await textOf("12345678901234567890"), await textOf("12345678901234567891"));
    assert.notEqual(await textOf("1e400"), await textOf("1e401"));
    for (const same of ["1.0", "1e0", "0.1e1", "10E-1"]) assert.equal(await textOf(same), "1");
    assert.equal(await textOf("-0.0"), "0");
  });

  it("refuses a name on the way to a field that is given twice, in whatever case", async () => {
    const cases: [string, string][] = [
      ['{"a":{"b":1},"a":{}}', "ambiguous"],
      ['{"a":{"b":1},"A":{}}', "ambiguous"],
      ['{"a":{"b":1,"B":2}}', "ambiguous"],
      ['{"a":{"b":1,"c":2,"c":3}}', "read"],
      ['{"b":1,"B":2,"a":{}}', "read"],
      ['{"a":[{"b":1},{"B":1,"b":1,"b":1}]}', "read"],
    ];
    for (const [text, kind] of cases) assert.equal((await read(text, ["/a/b"])).kind, kind, text);
  });
});
