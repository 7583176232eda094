import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import type { FileProblem } from "./file-problem.ts";
import { listContracts, loadContract, parseContract, readDefaults } from "./load-contract.ts";
import { ownProblems } from "./testing/own-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-contract-"));
after(() => rmSync(folder, { recursive: true }));

function load(text: string) {
  const read = parseContract("own.yaml", text, readDefaults());
  if ("problems" in read) assert.fail(read.problems.map((problem) => problem.reason).join());
  return read.contract;
}

function problemsOf(text: string): readonly FileProblem[] {
  const read = parseContract("own.yaml", text, readDefaults());
  assert.ok("problems" in read);
  for (const problem of read.problems) {
    assert.notEqual(problem.fix, "");
    assert.equal(problem.file, "own.yaml");
  }
  return read.problems;
}

const SMALL = `
name: acme
key: [{ header: x-key }]
errorShape: { body: { code: "\${code}", text: "\${message}" } }
`;

const context = { requestId: "r", endpoint: undefined, nowMs: 0 };

describe("loadContract", () => {
  it("loads every shipped contract under its name", () => {
    assert.deepEqual(listContracts(), [
      "coresignal",
      "crustdata",
      "enrichlayer",
      "exa",
      "explorium",
      "farebox",
      "firecrawl",
      "hunter",
      "leadboxer",
      "peopledatalabs",
      "serpapi",
    ]);
    for (const name of listContracts()) assert.equal(loadContract(name).name, name);
  });

  it("loads a contract of one's own by its path", () => {
    const path = join(folder, "acme.yaml");
    writeFileSync(path, SMALL);
    assert.equal(loadContract(path).name, "acme");
  });

  it("names the shipped contracts when there is none of that name", () => {
    assert.throws(() => loadContract("crustdat"), {
      code: "contract_invalid",
      message: /no contract is called "crustdat"; did you mean crustdata\?.*coresignal, crustdata/s,
    });
  });

  it("says which file cannot be read", () => {
    assert.throws(
      () => loadContract(join(folder, "missing.yaml")),
      (error) =>
        error instanceof FareboxError && /the contract .*missing\.yaml cannot be read/.test(error.message),
    );
  });
});

describe("a contract of one's own", () => {
  it("inherits statuses, messages and Retry-After, and no bodies", () => {
    const answer = load(SMALL).renderRefusal({ code: "overloaded", retryAfterSeconds: 3 }, context);
    assert.deepEqual(answer, {
      status: 503,
      headers: [
        ["Content-Type", "application/json"],
        ["Cache-Control", "no-store"],
        ["Retry-After", "3"],
      ],
      body: '{"code":"overloaded","text":"Too many requests are waiting. Nothing was charged."}',
    });
    const missing = load(SMALL).renderRefusal({ code: "key_missing" }, context);
    assert.deepEqual(missing.headers.at(-1), [
      "WWW-Authenticate",
      'ApiKey realm="api", in="header", name="x-key"',
    ]);
  });

  it("replaces any part of a refusal, and adds headers", () => {
    const text = `${SMALL}
refusals:
  insufficient_credits:
    status: 403
    message: "\${available} of \${required}"
    headers: { X-Required: "\${required}" }
  overloaded: { retryAfter: false }
`;
    const contract = load(text);
    const refusal = { code: "insufficient_credits", creditType: "c", required: 5n, available: 0n } as const;
    const answer = contract.renderRefusal(refusal, context);
    assert.equal(answer.status, 403);
    assert.deepEqual(answer.headers.at(-1), ["X-Required", "0.000005"]);
    assert.equal(answer.body, '{"code":"insufficient_credits","text":"0 of 0.000005"}');
    const busy = contract.renderRefusal({ code: "overloaded", retryAfterSeconds: 3 }, context);
    assert.equal(busy.headers.length, 2);
  });

  it("filters settled headers by credit type and by whether anything was charged", () => {
    const contract = load(`${SMALL}
settled:
  - { header: X-Search, value: "\${balance}", creditTypes: [search] }
  - { header: X-Cost, value: "\${charged} \${creditType}", when: charged }
`);
    const facts = { creditType: "search", charged: 0n, balance: 7_000_000n, units: 0 };
    assert.deepEqual(contract.renderSettled(facts), [["X-Search", "7"]]);
    assert.deepEqual(contract.renderSettled({ ...facts, creditType: "collect", charged: 1_000_000n }), [
      ["X-Cost", "1 collect"],
    ]);
  });

  it("tells a limit's state on the refusal only, in any encoding", () => {
    const contract = load(`${SMALL}
rateLimit:
  on: refused
  headers: { A: "\${resetSeconds}", B: "\${resetUnix}", C: "\${resetUnixMs}", D: "\${resetIso}" }
`);
    const state = { limit: 5, remaining: 0, windowSeconds: 60, resetSeconds: 2 };
    const now = { ...context, nowMs: Date.parse("2026-08-01T00:00:00.001Z") };
    assert.deepEqual(contract.renderRateLimit(state, now), []);
    assert.deepEqual(contract.renderRefusal({ code: "rate_limited", ...state }, now).headers.slice(-4), [
      ["A", "2"],
      ["B", "1785542403"],
      ["C", "1785542403000"],
      ["D", "2026-08-01T00:00:03Z"],
    ]);
  });

  it("shows the pool it names, and zeros while there is none", () => {
    const contract = load(`${SMALL}
endpoints:
  - { match: GET /left, answers: balances, creditType: b, body: "\${balance}" }
`);
    const pool = (creditType: string, balance: bigint) => ({
      creditType,
      balance,
      held: 0n,
      lifetime: 0n,
      used: undefined,
      grants: [],
      recurring: undefined,
    });
    const endpoint = contract.findEndpoint("GET", "/left")?.endpoint;
    assert.ok(endpoint?.name === "balances");
    assert.equal(
      endpoint.render({ at: 0, pools: [pool("a", 1n), pool("b", 2_000_000n)], account: undefined }, context)
        .body,
      "2",
    );
    assert.equal(endpoint.render({ at: 0, pools: [pool("a", 1n)], account: undefined }, context).body, "0");
  });

  it("puts nothing of a request into a header that could end its line", () => {
    const contract = load(`${SMALL}
refusals: { request_invalid: { headers: { X-Reason: "\${reason}" } } }
`);
    const refusal = { code: "request_invalid", reason: "a\r\nSet-Cookie: b" } as const;
    assert.deepEqual(contract.renderRefusal(refusal, context).headers.at(-1), [
      "X-Reason",
      "a??Set-Cookie: b",
    ]);
  });
});

describe("a contract that extends another", () => {
  const extended = (text: string) => parseContract("own.yaml", text, readDefaults());
  const state = { limit: 200, remaining: 0, windowSeconds: 60, resetSeconds: 42 };
  const asked = { requestId: "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", endpoint: undefined, nowMs: 0 };

  it("says only what differs: the other 429 that Explorium documents, and everything else as before", () => {
    const read = extended(`
name: explorium-of-ours
extends: explorium
refusals:
  rate_limited:
    message: "API rate limit exceeded. Please retry after \${resetSeconds} seconds."
    body: { error: rate_limit_exceeded, message: "\${message}", retry_after: "\${resetSeconds}" }
`);
    assert.ok("contract" in read);
    const { contract } = read;
    const base = loadContract("explorium");
    const limited = contract.renderRefusal({ code: "rate_limited", ...state }, asked);
    assert.deepEqual(JSON.parse(limited.body), {
      error: "rate_limit_exceeded",
      message: "API rate limit exceeded. Please retry after 42 seconds.",
      retry_after: 42,
    });
    const names = new Map(limited.headers.map(([name, value]) => [name.toLowerCase(), value]));
    assert.deepEqual(
      ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map((name) =>
        names.get(name),
      ),
      ["42", "200", "0", "42"],
    );
    assert.equal(limited.status, 429);
    for (const code of ["key_missing", "key_invalid", "route_unknown"] as const) {
      assert.deepEqual(contract.renderRefusal({ code }, asked), base.renderRefusal({ code }, asked));
    }
    assert.deepEqual(contract.ownHeaders, base.ownHeaders);
    assert.equal(contract.findEndpoint("GET", "/v1/credits")?.match, "GET /v1/credits");
  });

  it("keeps the parts of a refusal that it does not replace", () => {
    const read = extended("name: own\nextends: leadboxer\nrefusals: { key_missing: { status: 403 } }\n");
    assert.ok("contract" in read);
    const own = read.contract.renderRefusal({ code: "key_missing" }, asked);
    const said = { error: "Forbidden", message: "Invalid or missing API key" };
    assert.deepEqual([own.status, JSON.parse(own.body)], [403, said]);
  });

  it("is refused where it extends nothing that ships, or says something wrong itself", () => {
    const none = extended("name: own\nextends: explorum\n");
    assert.ok("problems" in none);
    assert.deepEqual(
      none.problems.map(({ path, line }) => [path, line]),
      [["extends", 2]],
    );
    const wrong = extended("name: own\nextends: explorium\nrefusals:\n  rate_limited: { status: 200 }\n");
    assert.ok("problems" in wrong);
    assert.deepEqual(
      wrong.problems.map(({ path, line }) => [path, line]),
      [["refusals.rate_limited.status", 4]],
    );
  });
});

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
