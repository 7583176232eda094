import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse, problemOf, problemsOf } from "./testing/config-problems.ts";

describe("environment variables", () => {
  const config = 'upstream: { url: http://x, headers: { A: "${env:ONE}-${env:TWO}", B: $HOME } }';

  it("fill in what the file refers to, and only that", () => {
    assert.deepEqual(parse(config, { ONE: "1", TWO: "2" }).upstreams[0]?.headers, { A: "1-2", B: "$HOME" });
  });

  it("are a problem when they are not set or empty", () => {
    const problems = problemsOf(config, { TWO: "" });
    assert.deepEqual(
      problems.map(({ path, reason }) => `${path}: ${reason}`),
      [
        "upstream.headers.A: the environment variable ONE is not set",
        "upstream.headers.A: the environment variable TWO is not set",
      ],
    );
    assert.equal(problemsOf('upstream: "${env:URL}"').length, 1);
  });

  it("must hold what a header can, and are in no message", () => {
    const problems = problemsOf(config, { ONE: "s3cret\r\nX: y", TWO: "2" });
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.reason ?? "", /line break/);
    assert.doesNotMatch(JSON.stringify(problems), /s3cret/);
  });

  it("salt the keys that were made elsewhere", () => {
    const imported = 'keys: { imported: [{ form: "{alnum 32}", salt: "${env:SALT}" }] }';
    const { forms } = parse(`upstream: http://x\n${imported}`, { SALT: "pepper" }).keys;
    assert.equal(forms.hashedText("a".repeat(32)), `pepper${"a".repeat(32)}`);
    assert.equal(problemOf(imported).reason, "the environment variable SALT is not set");
  });

  it("are not read where no secrets are, and no reference stays for a value", () => {
    const values = { CONTRACT: "crustdata", PATH: "/a" };
    for (const [lines, path] of [
      ["contract: ${env:CONTRACT}", "contract"],
      [
        'prices: [{ match: POST /a, cost: 1, when: { body: /m, oneOf: [a, "${env:PATH}"] } }]',
        "prices[0].when.oneOf[1]",
      ],
      ['portal: { brand: { name: "${env:PATH}" } }', "portal.brand.name"],
    ] as const) {
      const problem = problemOf(lines, values);
      assert.equal(problem.path, path);
      assert.match(problem.reason, /^\$\{env:(CONTRACT|PATH)\} is not replaced here$/);
    }
  });

  it("cannot set one header twice, in two spellings", () => {
    const { path, reason } = problemsOf("upstream: { url: http://x, headers: { X-A: a, x-a: b } }")[0] ?? {};
    assert.deepEqual(
      [path, reason],
      ["upstream.headers.x-a", "is written twice: letter case does not matter"],
    );
  });

  it("cannot set headers that frame a request", () => {
    assert.match(problemsOf("upstream: { url: http://x, headers: { Host: y } }")[0]?.reason ?? "", /frames/);
    assert.match(
      problemsOf('upstream: { url: http://x, headers: { "a b": y } }')[0]?.reason ?? "",
      /header's name/,
    );
  });
});
