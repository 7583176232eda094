import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compileJson } from "./json-template.ts";
import { compileText, type TemplateProblem } from "./template.ts";
import type { Vocabulary } from "./vocabulary.ts";

interface Facts {
  readonly text: string;
  readonly number: number;
  readonly yes: boolean;
  readonly nothing: null;
  readonly amount: bigint;
}

const vocabulary: Vocabulary<Facts> = {
  text: { means: "a text", read: (facts) => facts.text },
  number: { means: "a number", read: (facts) => facts.number },
  yes: { means: "true or false", read: (facts) => facts.yes },
  nothing: { means: "null", read: (facts) => facts.nothing },
  amount: { means: "credits", read: (facts) => facts.amount },
};

const facts: Facts = { text: 'say "hi"\n', number: 7, yes: true, nothing: null, amount: 9_406_500_000n };

function json(template: unknown, values: Facts = facts): string {
  const problems: TemplateProblem[] = [];
  const render = compileJson(template, vocabulary, problems);
  assert.deepEqual(problems, []);
  return render(values);
}

function text(template: string, values: Facts = facts): string {
  const problems: TemplateProblem[] = [];
  const render = compileText(template, vocabulary, problems);
  assert.deepEqual(problems, []);
  return render(values);
}

describe("compileJson", () => {
  it("gives a leaf that is one placeholder the value's type", () => {
    const template = { a: "${number}", b: "${yes}", c: "${nothing}", d: "${text}", e: "${amount}" };
    assert.equal(json(template), '{"a":7,"b":true,"c":null,"d":"say \\"hi\\"\\n","e":9406.5}');
  });

  it("prints a placeholder into any other text", () => {
    const template = ["${number} of ${amount}", "(${nothing})", "${yes}${yes}", "${text}!"];
    assert.equal(json(template), '["7 of 9406.5","()","truetrue","say \\"hi\\"\\n!"]');
  });

  it("keeps literals, nesting and the order of members", () => {
    assert.equal(json({ z: [1, { y: null }], a: {}, b: [] }), '{"z":[1,{"y":null}],"a":{},"b":[]}');
  });

  it("prints amounts as plain decimals, never with an exponent", () => {
    assert.equal(json({ a: "${amount}" }, { ...facts, amount: 1n }), '{"a":0.000001}');
    assert.equal(json({ a: "${amount}" }, { ...facts, amount: 10n ** 15n }), '{"a":1000000000}');
  });

  it("prints a number that JSON has no form for as null", () => {
    assert.equal(json({ a: "${number}" }, { ...facts, number: Number.NaN }), '{"a":null}');
  });

  it("repeats a list's template, and takes $-members for nothing else", () => {
    const problems: TemplateProblem[] = [];
    const lists = { $each: { compile: () => () => "[1,2]" } };
    assert.equal(compileJson({ a: { $each: "x" } }, vocabulary, problems, [], lists)(facts), '{"a":[1,2]}');
    assert.equal(problems.length, 0);
    compileJson({ a: { $each: "x", b: 1 } }, vocabulary, problems, [], lists);
    assert.deepEqual(
      problems.map((problem) => problem.path),
      [["a", "$each"]],
    );
    assert.match(problems[0]?.fix ?? "", /only member is \$each/);
  });

  it("takes a member that every object inherits for a member, and for no list", () => {
    for (const name of ["toString", "constructor", "hasOwnProperty", "valueOf"]) {
      const problems: TemplateProblem[] = [];
      const render = compileJson<object>({ [name]: [] }, {}, problems);
      assert.equal(render({}), `{"${name}":[]}`);
      assert.deepEqual(problems, []);
    }
  });

  it("is the JSON of the same structure with the values in place, whatever the texts hold", () => {
    const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.boolean(), fc.constant(null));
    const { structure } = fc.letrec((tie) => ({
      structure: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie("structure"), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie("structure"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(structure, fc.string({ unit: "binary" }), (template, value) => {
        const written: unknown = escape({ template, hole: 0 });
        const holed = { written, one: "${text}", part: "<${text}>" };
        const rendered: unknown = JSON.parse(json(holed, { ...facts, text: value }));
        assert.deepEqual(rendered, {
          written: JSON.parse(JSON.stringify({ template, hole: 0 })),
          one: value,
          part: `<${value}>`,
        });
      }),
      { numRuns: 300 },
    );
  });
});

/** As a person would write it: `${` doubled, no member that begins with `$`. */
function escape(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(escape);
  if (typeof value !== "object" || value === null) return value;
  for (const name of Object.keys(value)) fc.pre(!name.startsWith("$") && !name.includes("${"));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, escape(member)]));
}

describe("compileText", () => {
  it("merges text and values", () => {
    assert.equal(text("${number}/${number} ${amount}"), "7/7 9406.5");
    assert.equal(text(""), "");
    assert.equal(text("no placeholder"), "no placeholder");
  });

  it("takes $${ for a literal ${", () => {
    assert.equal(text("$${number} is ${number}, $${"), "${number} is 7, ${");
    assert.equal(text("a$ $b $$ {"), "a$ $b $$ {");
  });

  it("gives back any text in which ${ is doubled", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "a", "number") }), (value) => {
        // A `$` just before `${` would itself read as the escape; a person cannot write that pair literally either.
        fc.pre(!value.includes("$${"));
        assert.equal(text(value.replaceAll("${", () => "$${")), value);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what a template cannot say", () => {
  for (const template of [
    "${unknown}",
    "${}",
    "a ${ b",
    "${number",
    "${ number }",
    "${toString}",
    "${__proto__}",
  ]) {
    it(`refuses ${template} with the list of what is allowed`, () => {
      const problems: TemplateProblem[] = [];
      compileJson({ a: [template] }, vocabulary, problems);
      assert.equal(problems.length, 1);
      assert.deepEqual(problems[0]?.path, ["a", 0]);
      assert.match(
        problems[0]?.fix ?? "",
        /allowed here: \$\{text\}, \$\{number\}, \$\{yes\}, \$\{nothing\}, \$\{amount\}/,
      );
    });
  }

  it("refuses placeholders in members' names", () => {
    const problems: TemplateProblem[] = [];
    compileJson({ "${text}": 1, $each: 2 }, vocabulary, problems);
    assert.equal(problems.length, 2);
  });
});
