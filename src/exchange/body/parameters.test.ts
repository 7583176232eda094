import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readParameters } from "./parameters.ts";

function valueOf(text: string, name = "size"): string | undefined {
  const read = readParameters(text, [name]);
  return read.kind === "read" ? (read.values.get(name) ?? "(missing)") : undefined;
}

describe("readParameters", () => {
  const read: [string, string][] = [
    ["size=5", "5"],
    ["a=1&size=5&b", "5"],
    ["s%69ze=%35", "5"],
    ["size=a+b%2Bc", "a b+c"],
    ["size=%C3%A9", "é"],
    ["size", ""],
    ["", "(missing)"],
    ["sizes=5&resize=6&x=size", "(missing)"],
    ["a=size;b=%FF&c=%zz", "(missing)"],
    ["&&size=1==2&", "1==2"],
  ];
  for (const [text, value] of read) it(`${text} is ${value}`, () => assert.equal(valueOf(text), value));

  const refused = [
    "size=5&size=5",
    "size=5&s%69ze=6",
    "Size=5",
    "size[]=5",
    "size%5B0%5D=5",
    "+size=5",
    "size%00x=5",
    "s%FFize=5",
    "%u0073ize=5",
    "a=1;size=5",
    "size=5;b",
    "size=%FF",
    "size=5%",
    "%EF%BC%B3ize=5",
    `${"a&".repeat(1_000)}size=5`,
  ];
  for (const text of refused)
    it(`${text.slice(-40)} is refused`, () => assert.equal(valueOf(text), undefined));

  it("takes dots and underscores of a name for one another", () => {
    assert.equal(valueOf("page.size=5", "page_size"), undefined);
    assert.equal(valueOf("page_size=5", "page.size"), undefined);
    assert.equal(valueOf("page-size=5", "page_size"), "(missing)");
    assert.equal(valueOf("filter[kind]=5", "filter[kind]"), "5");
  });

  it("reads what URLSearchParams reads, or refuses it", () => {
    const part = fc.constantFrom("size", "a", "=", "&", "%73", "+", "%20", "5", ";", "%", "%C3%A9", "%E9");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const text = parts.join("");
        const values = new URLSearchParams(text).getAll("size");
        const value = valueOf(text);
        if (value !== undefined) assert.deepEqual(values, value === "(missing)" ? [] : [value], text);
        else assert.ok(text.length > 3);
      }),
      { numRuns: 3_000 },
    );
  });
});
