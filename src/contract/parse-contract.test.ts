import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FileProblem } from "./file-problem.ts";
import { parseContract, readDefaults } from "./load-contract.ts";
import { ownProblems } from "./testing/own-contract.ts";

const SMALL = `
name: acme
key: [{ header: x-key }]
errorShape: { body: { code: "\${code}", text: "\${message}" } }
`;

function problemsOf(text: string): readonly FileProblem[] {
  const read = parseContract("own.yaml", text, readDefaults());
  assert.ok("problems" in read);
  for (const problem of read.problems) {
    assert.notEqual(problem.fix, "");
    assert.equal(problem.file, "own.yaml");
  }
  return read.problems;
}

describe("a contract that is wrong", () => {
  it("is refused with everything that is wrong, each with its line", () => {
    const problems = problemsOf(`name: Acme
key: []
errorshape: {}
refusals:
  key_mising: { status: 401 }
  key_invalid: { status: 200, bodi: {} }
settled:
  - { header: "X Y", value: "" }
`);
    assert.deepEqual(
      problems.map(({ path, line }) => `${line} ${path}`).sort(),
      [
        "1 errorShape",
        "1 name",
        "2 key",
        "3 errorshape",
        "5 refusals.key_mising",
        "6 refusals.key_invalid.bodi",
        "6 refusals.key_invalid.status",
        "8 settled[0].header",
        "8 settled[0].value",
      ].sort(),
    );
    const fixes = new Map(problems.map(({ path, fix }) => [path, fix]));
    assert.match(fixes.get("errorshape") ?? "", /did you mean errorShape\?/);
    assert.match(fixes.get("refusals.key_mising") ?? "", /did you mean key_missing\?/);
    assert.match(fixes.get("refusals.key_invalid.bodi") ?? "", /did you mean body\?/);
  });

  it("is refused when it reads a key or an opt-in from a header that means something else", () => {
    const names = [
      "Content-Length",
      "content_length",
      "Transfer-Encoding",
      "Host",
      "Connection",
      "X-Forwarded-For",
    ];
    for (const name of [...names, "Idempotency-Key", "Credits-Max", "Proxy-Authorization", "X-Request-Id"]) {
      const problems = problemsOf(`name: acme
key: [{ header: x-key }, { header: ${name} }]
errorShape: { body: {} }
usage: { header: ${name}, member: m, body: {} }
`);
      assert.deepEqual(
        problems.map(({ path, line }) => `${line} ${path}`),
        ["2 key[1].header", "4 usage.header"],
        name,
      );
    }
  });

  it("is refused for placeholders that its places do not know", () => {
    const problems = problemsOf(`name: acme
key: [{ header: x-key }]
errorShape: { body: { a: "\${required}" } }
refusals:
  key_missing: { message: "\${message}" }
  rate_limited:
    body: { in: "\${resetSeconds}", at: "\${reset}" }
settled:
  - { header: X-Left, value: "\${left}" }
rateLimit: { headers: { X-Reset: "\${balance}" } }
usage: { header: u, member: m, body: { a: ["\${resetUnix}"] } }
endpoints:
  - { match: GET /a, answers: balances, body: { $eachPool: { a: "\${pool}" } } }
  - { match: GET /a, answers: balances, body: 1, headers: { Content-Length: "1" } }
`);
    assert.deepEqual(
      problems.map(({ path, line }) => `${line} ${path}`),
      [
        "3 errorShape.body.a",
        "5 refusals.key_missing.message",
        "7 refusals.rate_limited.body.at",
        "9 settled[0].value",
        "10 rateLimit.headers.X-Reset",
        "11 usage.body.a[0]",
        '13 endpoints[0].body["$eachPool"].a',
        "14 endpoints[1].match",
        "14 endpoints[1].headers.Content-Length",
      ],
    );
    assert.match(problems[3]?.fix ?? "", /\$\{creditType\}, \$\{charged\}, \$\{balance\}, \$\{units\}/);
  });

  it("is told which placeholder was meant", () => {
    const [body] = ownProblems('refusals: { key_missing: { body: { m: "${mesage}" } } }');
    assert.match(body?.fix ?? "", /^did you mean \$\{message\}\? allowed here: /);
    const pool = 'endpoints: [{ match: GET /a, answers: balances, body: "${pools.search.balnce}" }]';
    assert.match(ownProblems(pool)[0]?.fix ?? "", /^did you mean \$\{pools\.search\.balance\}\?/);
  });

  it("is told a short list of what fits: what is alike first, then what only this place knows", () => {
    const fixOf = (text: string): string => ownProblems(text)[0]?.fix ?? "";
    const settled = fixOf('settled: [{ header: X-Left, value: "${creditsLeft}" }]');
    assert.match(settled, /^allowed here: \$\{purchasedLeft\}, \$\{planLeft\}, .*, and \d+ more in docs/);
    assert.equal(settled.match(/\$\{\w+\}/g)?.length, 12);
    const grant = fixOf(
      'endpoints: [{ match: GET /a, answers: balances, body: { $eachGrant: "${granted_when}" } }]',
    );
    assert.match(
      grant,
      /: \$\{grantedIso\} \(or IsoOffset, Date, Unix, UnixMs\), \$\{grantId\}, \$\{source\}/,
    );
    assert.doesNotMatch(grant, /requestId/);
    assert.match(fixOf('rateLimit: { headers: { X: "${x}" } }'), /\$\{windowName\}.*; write/);
  });

  it("is told its first mistake of syntax alone: what follows is read from a wrong beginning", () => {
    const price = "  - { match: GET /v1/{id}, cost: 1 }\n";
    const [first, ...others] = problemsOf(`name: a\nprices:\n${price.repeat(40)}`);
    assert.deepEqual([first?.line, others.length], [3, 0]);
    assert.equal(first?.fix, 'put the match in quotes: match: "GET /v1/{id}"');
  });

  it("is refused when it is no YAML, empty, two documents or a bomb of aliases", () => {
    const bomb = ["a: &a [1,1,1,1,1,1,1,1,1]"];
    for (const [one, other] of ["ab", "bc", "cd", "de"].map((pair) => [pair[0], pair[1]])) {
      bomb.push(
        `${other}: &${other} [*${one},*${one},*${one},*${one},*${one},*${one},*${one},*${one},*${one}]`,
      );
    }
    for (const text of [
      "",
      "name: [",
      "name: a\nname: b\n",
      "name: a\n---\nname: b\n",
      bomb.join("\n"),
      "5",
    ]) {
      assert.ok(problemsOf(text).length > 0, text.slice(0, 20));
    }
  });

  it("is refused where it reads keys from what carries something else", () => {
    const key = (source: string): string =>
      problemsOf(`name: a\nkey: [${source}]\nerrorShape: { body: {} }\n`)
        .map(({ path, reason, fix }) => `${path}: ${reason}; ${fix}`)
        .join();
    assert.match(key("{ query: link }"), /^key\[0\]\.query: the parameter link carries links that download/);
    assert.match(key("{ query: a b }"), /^key\[0\]\.query: "a b" is not a parameter's name/);
    assert.match(key("{ header: Authorization, schemes: [Basic] }"), /holds a user name.*write basic: user/);
    assert.match(
      key("{ header: Authorization, basic: both }"),
      /the field "basic" cannot stand here with what it says/,
    );
    assert.match(
      key("{ header: X-Api-Key, query: api_key }"),
      /the field "query" cannot stand here .* beside the others; the fields are header, schemes, basic, query/,
    );
  });

  it("is refused where a usage endpoint does not say what it reads, or balances say too much", () => {
    const moments = "from: { body: /from }, to: { query: to }";
    const words =
      "by: { in: { body: /by }, words: { t: time } }, resolution: { in: { body: /r }, words: { d: day }, default: w }";
    const endpoint = (rest: string): readonly string[] =>
      problemsOf(`${SMALL}\nendpoints:\n  - { ${rest} }\n`).map(({ path, reason }) => `${path}: ${reason}`);
    assert.deepEqual(endpoint("match: POST /u, answers: usage, body: {}"), [
      "endpoints[0].request: is missing",
    ]);
    assert.deepEqual(endpoint("match: POST /b, answers: balances, body: {}"), [
      "endpoints[0].match: balances are read with GET",
    ]);
    assert.deepEqual(
      endpoint(`match: POST /u, answers: usage, body: {}, request: { ${moments}, ${words} }`),
      ['endpoints[0].request.resolution.default: "w" is none of the words'],
    );
    const [unknown] = endpoint(
      `match: GET /u, answers: usage, body: { $eachLine: { day: { a: "\${nothing}" } } }, request: { ${moments}, ${words.replace(", default: w", "")} }`,
    );
    assert.match(unknown ?? "", /day\.a: unknown placeholder/);
  });
});
