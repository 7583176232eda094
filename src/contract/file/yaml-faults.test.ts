import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseYamlDocument } from "../yaml-document.ts";

function faultOf(text: string): string {
  const read = parseYamlDocument("farebox.yaml", text);
  assert.ok(!("value" in read), `${text.slice(0, 40)} was read`);
  assert.equal(read.length, 1);
  const [{ line, reason, fix } = { line: 0, reason: "", fix: "" }] = read;
  return `${line}: ${reason}; ${fix}`;
}

describe("a YAML file that is no file of ours", () => {
  it("is told which field is written twice", () => {
    const twice = /^3: the field "cost" is written twice; remove one of the two$/;
    assert.match(
      faultOf("prices:\n  - cost: 1\n    cost: 2\n".replace("  - ", "  -\n    ")),
      /^4: the field "cost"/,
    );
    assert.match(faultOf("a: 1\nprices:\n  - { cost: 1, 'cost': 2 }\n"), twice);
  });

  it("is told to quote a text that begins with a star", () => {
    for (const match of ["{ match: *, cost: 1 }", "{ tool: *, cost: 1 }"]) {
      assert.match(faultOf(`prices:\n  - ${match}\n`), /^2: .*begins with \*.*; put it in quotes: "\*"$/);
    }
    assert.match(faultOf("a: 1\ntool: *search\n"), /^2: \*search repeats .*; .*in quotes: "\*search"$/);
  });

  it("is refused where an alias stands in what it repeats: nothing would ever come to its end", () => {
    assert.match(faultOf("a: 1\nupstream: &b { a: [*b] }\n"), /^2: \*b stands in what it repeats/);
  });

  it("is refused where it repeats 100 things or more, at the first alias", () => {
    const text = `a: &a 5\nlist:\n${"  - *a\n".repeat(100)}`;
    assert.match(faultOf(text), /^3: repeats 100 things or more/);
    assert.ok("value" in parseYamlDocument("farebox.yaml", text.replace("  - *a\n", "")));
  });

  it("is refused as YAML 1.1, in which the same signs are other numbers", () => {
    assert.match(faultOf("%YAML 1.1\n---\ncost: 010\n"), /^1: is written as YAML 1\.1/);
    const same = parseYamlDocument("farebox.yaml", "%YAML 1.2\n---\ncost: 010\n");
    assert.deepEqual("value" in same && same.value, { cost: 10 });
  });

  it("is refused where something is called __proto__: objects have that already", () => {
    assert.match(faultOf("plans:\n  __proto__: {}\n"), /^2: nothing can be called __proto__/);
    assert.ok("value" in parseYamlDocument("farebox.yaml", "once: __proto__\n"));
  });

  for (const depth of [201, 1000, 20_000]) {
    it(`is refused ${depth} levels deep`, () => {
      assert.match(
        faultOf(`a: ${"[".repeat(depth)}${"]".repeat(depth)}\n`),
        /^1: is nested more than 200 levels/,
      );
    });
  }
});
