import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkHeaderName, cleanHeaderText, compileHeaderText } from "./header-template.ts";
import type { TemplateProblem } from "./template.ts";
import type { Vocabulary } from "./vocabulary.ts";

const vocabulary: Vocabulary<string> = { value: { means: "a value", read: (facts) => facts } };

test("no value can end a header's line or start another header", () => {
  const problems: TemplateProblem[] = [];
  const render = compileHeaderText("limit=${value}; x", vocabulary, problems, []);
  assert.deepEqual(problems, []);
  assert.equal(render("a\r\nSet-Cookie: b=1"), "limit=a??Set-Cookie: b=1; x");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      assert.match(render(value), /^limit=[\x20-\x7e\t]*; x$/);
    }),
  );
});

test("text that a header may hold stays as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (value) => {
      assert.equal(cleanHeaderText(value), value);
    }),
  );
});

test("a template with a line break is refused when it is loaded", () => {
  const problems: TemplateProblem[] = [];
  compileHeaderText("a\nb", vocabulary, problems, ["settled", 0, "value"]);
  assert.equal(problems.length, 1);
});

test("framing headers and those with a field of their own are refused", () => {
  for (const name of [
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "Content-Type",
    "retry-after",
    "X-Request-ID",
  ]) {
    const problems: TemplateProblem[] = [];
    checkHeaderName(name, problems, []);
    assert.equal(problems.length, 1, name);
  }
});
