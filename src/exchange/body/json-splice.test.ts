import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { scanBody, spliceMember } from "./json-splice.ts";

function splice(body: string, json = '{"n":1}'): string | undefined {
  const bytes = Buffer.from(body);
  const { splice: point } = scanBody(bytes, undefined, ["credit_usage"]);
  return point === undefined ? undefined : Buffer.concat(spliceMember(bytes, point, json)).toString();
}

const object = fc
  .tuple(
    fc.dictionary(fc.string({ unit: "grapheme", maxLength: 4 }), fc.jsonValue({ maxDepth: 2 })),
    fc.constantFrom(0, 2),
  )
  .map(([value, indent]) => JSON.stringify(value, null, indent));

describe("spliceMember", () => {
  it("adds the member and leaves every other byte as it was", () => {
    fc.assert(
      fc.property(object, fc.constantFrom("", " ", "\n", "\r\n"), (text, space) => {
        const body = space + text + space;
        const spliced = splice(body);
        assert.ok(spliced !== undefined);
        const member = spliced.includes(',"credit_usage":{"n":1}')
          ? ',"credit_usage":{"n":1}'
          : '"credit_usage":{"n":1}';
        assert.equal(spliced.replace(member, ""), body);
        assert.deepEqual(JSON.parse(spliced), { ...JSON.parse(body), credit_usage: { n: 1 } });
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps what parse and stringify would change", () => {
    const body = '{"id": 12345678901234567890, "f": 1.0, "e": 1E2, "d": 1, "d": 2, "u": "\\u00e9\\/"}';
    assert.equal(splice(body), `${body.slice(0, -1)},"credit_usage":{"n":1}}`);
  });

  it("refuses every truncation", () => {
    fc.assert(
      fc.property(object, (text) => {
        for (let length = 0; length < text.length; length++)
          assert.equal(splice(text.slice(0, length)), undefined);
      }),
      { numRuns: 50 },
    );
  });

  const cases: [string, string | undefined][] = [
    ["{}", '{"credit_usage":{"n":1}}'],
    ["{ }", '{"credit_usage":{"n":1} }'],
    ['{"a":1}', '{"a":1,"credit_usage":{"n":1}}'],
    ['{\n  "a": 1\n}\n', '{\n  "a": 1,"credit_usage":{"n":1}\n}\n'],
    ['{"credit_usage": 5 ,"a":1}', '{"credit_usage": {"n":1} ,"a":1}'],
    ['{"credit_\\u0075sage":{"x":[]}}', '{"credit_\\u0075sage":{"n":1}}'],
    ['{"credit_usage":1,"credit_usage":2}', '{"credit_usage":{"n":1}}'],
    ['{"credit_usage":1, "a":2,"credit_usage":3}', '{ "a":2,"credit_usage":{"n":1}}'],
    ['{"a":{"credit_usage":1}}', '{"a":{"credit_usage":1},"credit_usage":{"n":1}}'],
    ["[]", undefined],
    ["[{}]", undefined],
    ["1", undefined],
    ['"{}"', undefined],
    ["null", undefined],
    ["", undefined],
    ['{"a":1}\n{"a":2}\n', undefined],
    ['{"a":1}x', undefined],
    ["{'a':1}", undefined],
    ['{"a":1,}', undefined],
    ["data: {}", undefined],
  ];
  for (const [body, expected] of cases) {
    it(JSON.stringify(body), () => {
      assert.equal(splice(body), expected);
    });
  }
});
