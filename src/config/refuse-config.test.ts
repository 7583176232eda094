import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { FileProblem } from "../contract/file-problem.ts";
import { loadConfig } from "./load-config.ts";
import { requireUpstream } from "./require-upstream.ts";
import { parse, problemOf, problemsOf } from "./testing/config-problems.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-config-"));
after(() => rmSync(folder, { recursive: true }));

describe("a configuration that is wrong", () => {
  it("is refused with everything that is wrong, in the order of the file", () => {
    const problems = problemsOf(`upstream:
  main: { ulr: http://x, connectTimeout: 5 }
contract: crustdat
creditTypes: [search, collect, search]
prices:
  - { match: "GET /x", cost: -1, credit: search }
  - { match: "GET /y", cots: 1, credit: search }
  - { match: "GET /z", cost: 0.0000001, credit: search }
limits:
  - { match: "*", requests: 0, per: minute }
  - { match: "GET x", requests: 1, per: fortnight }
plans: { starter: { recurring: { credits: 1, every: fortnight, rollover: { cap: x } } } }
gateway: { maxHeaderSize: 12, drian: 5s, drain: 99h }
unpricd: free
shards: 0
keys: { prefix: "Fbx_" }
open: ["GET health"]
idempotency: { maxBody: 1GB }
`);
    assert.deepEqual(
      problems.map(({ path, line }) => `${line} ${path}`),
      [
        "2 upstream.main.url",
        "2 upstream.main.connectTimeout",
        "2 upstream.main.ulr",
        "3 contract",
        "4 creditTypes[2]",
        "6 prices[0].cost",
        "7 prices[1].cots",
        "7 prices[1].cost",
        "8 prices[2].cost",
        "10 limits[0].requests",
        "11 limits[1].match",
        "11 limits[1].per",
        "12 plans.starter.recurring.every",
        "12 plans.starter.recurring.rollover.cap",
        "13 gateway.maxHeaderSize",
        "13 gateway.drain",
        "13 gateway.drian",
        "14 unpricd",
        "15 shards",
        "16 keys.prefix",
        "17 open[0]",
        "18 idempotency.maxBody",
      ],
    );
    const fixes = new Map(problems.map(({ path, fix }) => [path, fix]));
    for (const [path, word] of [
      ["upstream.main.ulr", "url"],
      ["contract", "crustdata"],
      ["prices[1].cots", "cost"],
      ["gateway.drian", "drain"],
      ["unpricd", "unpriced"],
    ] as const) {
      assert.match(fixes.get(path) ?? "", new RegExp(`did you mean ${word}\\?`));
    }
  });

  it("names the window that is none", () => {
    for (const many of ["", "requests: 1, results: 1, "]) {
      const { path, fix } = problemOf(`limits: [{ match: "GET /x", ${many}per: minute }]`);
      assert.deepEqual([path, fix], ["limits[0]", "write requests: 100, or results: 100"]);
    }
    const problem = problemOf('limits: [{ match: "GET /x", requests: 1, per: fortnight }]');
    assert.equal(problem.path, "limits[0].per");
    assert.match(problem.reason, /"fortnight" is not a window/);
  });

  it("needs no upstream, but an upstream has an address; it is refused when it is empty, and when it is no object", () => {
    const config = parse("prices: []");
    assert.deepEqual(config.upstreams, []);
    assert.throws(() => requireUpstream(config, "farebox.yaml"), {
      code: "config_invalid",
      message: /farebox\.yaml upstream: is missing: .*--no-upstream/,
    });
    requireUpstream(parse("sidecar: { listen: 127.0.0.1:8402 }"), "farebox.yaml");
    requireUpstream(parse("upstream: http://x"), "farebox.yaml");
    assert.equal(problemsOf("")[0]?.reason, "is empty");
    assert.match(problemsOf("[1]")[0]?.reason ?? "", /expected an object, got a list/);
    assert.equal(problemsOf("upstream: {}").length, 1);
  });

  it("says which file cannot be read", () => {
    assert.throws(() => loadConfig(join(tmpdir(), "farebox-none", "none.yaml"), {}), {
      code: "config_invalid",
      message: /none\.yaml: cannot be read/,
    });
  });

  it("says where it names a contract that cannot be read", () => {
    const { path, line, reason } = problemOf("contract: ./none.yaml");
    assert.deepEqual([path, line], ["contract", 2]);
    assert.match(reason, /none\.yaml cannot be read: ENOENT/);
  });

  it("is refused with bytes that are no UTF-8: a condition would compare with other signs", () => {
    const file = join(folder, "latin-1.yaml");
    writeFileSync(file, Buffer.from("upstream: http://x\n# caf\xe9\n", "latin1"));
    assert.throws(() => loadConfig(file, {}), { message: /latin-1\.yaml: cannot be read: it is not UTF-8/ });
  });

  const upstreams: readonly (readonly [string, RegExp])[] = [
    ["127.0.0.1:9000", /is not an address|scheme/],
    ["ftp://x", /the scheme ftp: cannot be forwarded to/],
    ["http://user:pass@x", /holds credentials/],
    ["http://x/?a=b", /has a query/],
    ["http://x/#", /has a query or a fragment/],
    ["", /is not an address/],
  ];
  for (const [address, reason] of upstreams) {
    it(`refuses the upstream "${address}"`, () => {
      const [problem, ...others] = problemsOf(`upstream: "${address}"`);
      assert.match(problem?.reason ?? "", reason);
      assert.equal(problem?.path, "upstream");
      assert.equal(others.length, 0);
    });
  }

  it("refuses upstreams of which one would never be called", () => {
    const first =
      "a: { url: http://a, pathPrefix: /v1 }, b: { url: http://b, pathPrefix: /v1/x }, c: { url: http://c }";
    assert.match(problemsOf(`upstream: { ${first} }`)[0]?.reason ?? "", /is never chosen: a comes first/);
    assert.match(
      problemsOf("upstream: { a: { url: http://a }, b: { url: http://b } }")[0]?.path ?? "",
      /upstream\.b/,
    );
    parse("upstream: { b: { url: http://b, pathPrefix: /v1/x }, a: { url: http://a, pathPrefix: /v1 } }");
    parse("upstream: { a: { url: http://a, pathPrefix: /v1 }, b: { url: http://b, pathPrefix: /v10 } }");
  });

  it("refuses prices and open endpoints below the customer API's prefix: they could never apply", () => {
    const price = problemOf('prices: [{ match: "GET /v1/credits/{x}", cost: 1 }]');
    assert.equal(price.path, "prices[0].match");
    assert.match(price.reason, /is below \/v1\/credits, where the customer API answers/);
    assert.equal(problemOf("open: [GET /v1/credits/balances]").path, "open[0]");
    assert.equal(problemOf('prices: [{ match: "* /v1/credits/*", free: true }]').path, "prices[0].match");
    const own = "customerApi: { path: /me, requests: 10, per: 10s }";
    assert.equal(problemOf(`${own}\nopen: [GET /me/x]`).path, "open[0]");
    const elsewhere = 'prices: [{ match: "GET /v1/credits/{x}", cost: 1 }]';
    const moved = parse(`upstream: http://x\n${own}\n${elsewhere}`).customerApi;
    assert.deepEqual([moved.path, moved.requests, moved.windowSeconds], ["/me", 10, 10]);
    parse(`upstream: http://x\ncustomerApi: { enabled: false }\n${elsewhere}`);
    parse(
      'upstream: http://x\nprices: [{ match: "GET /v1/*", cost: 1 }, { match: "GET /v1/{x}/balances", cost: 1 }]',
    );
  });

  for (const path of ["v1", "/", "/v1/", "/v1/../x", "/a b", "/{x}", "/v1/credits?x"]) {
    it(`refuses the customer API's path ${path}`, () => {
      assert.equal(problemOf(`customerApi: { path: ${JSON.stringify(path)} }`).path, "customerApi.path");
    });
  }

  it("refuses prices of what is open or answered by the contract", () => {
    const open = problemOf('open: [GET /x]\nprices: [{ match: "GET /x", cost: 1 }]');
    assert.equal(open.path, "prices[0].match");
    assert.match(open.reason, /is priced, and open without a key/);
    parse('upstream: http://x\nopen: [GET /x]\nprices: [{ match: "GET /x", free: true }]');
    const answered = problemOf('contract: crustdata\nprices: [{ match: "GET /user/credits", cost: 1 }]');
    assert.match(answered.reason, /is answered by the contract crustdata, free of charge/);
  });

  it("refuses a price that reads the parameter in which the contract has the key", () => {
    const contract = join(folder, "own.yaml");
    writeFileSync(contract, "name: own\nkey: [{ query: api_key }]\nerrorShape: { body: {} }\n");
    const problem = problemOf(
      `contract: ${contract}\nprices: [{ match: GET /x, cost: 1, when: { query: API_KEY, exists: true } }]`,
    );
    assert.match(
      problem.reason,
      /reads the query parameter API_KEY, which the contract own takes away as the key/,
    );
  });

  it("refuses plans of credit types that do not exist, or twice", () => {
    const recurring = (items: string): FileProblem =>
      problemOf(`creditTypes: [a, b]\nplans: { p: { recurring: ${items} } }`);
    assert.match(recurring("{ credits: 1, every: day }").reason, /is not said/);
    assert.match(recurring("{ credits: 1, every: day, credit: c }").reason, /unknown credit type "c"/);
    const twice = recurring(
      "[{ credits: 1, every: day, credit: a }, { credits: 2, every: year, credit: a }]",
    );
    assert.equal(twice.path, "plans.p.recurring[1]");
  });

  it("reads a plan's anchor, limits and caps", () => {
    const { plans } = parse(`
upstream: http://127.0.0.1:9000
creditTypes: [search, collect]
plans:
  pro:
    recurring: { credits: 5, credit: search, every: month, anchor: calendar }
    limits: [{ match: GET /x, requests: 5, per: minute, by: key }, { match: "*", results: 9, per: second }]
    caps: [{ credit: search, day: 0.5 }, { credit: collect, month: 7, total: "80" }]
`);
    assert.deepEqual(plans, [
      {
        name: "pro",
        recurring: [
          { creditType: "search", amount: 5_000_000n, every: "month", rollover: "none", anchor: "calendar" },
        ],
        limits: [
          { match: "GET /x", requests: 5, windowSeconds: 60, by: "key" },
          { match: "*", requests: 9, windowSeconds: 1, by: "account", counts: "results" },
        ],
        caps: [
          { creditType: "search", day: 500_000n, month: null, total: null },
          { creditType: "collect", day: null, month: 7_000_000n, total: 80_000_000n },
        ],
      },
    ]);
  });

  it("refuses what is above another bound, and would never count", () => {
    const role = "role: support, claim: groups, value: a";
    const oidc = (limits: string): string =>
      `console: { oidc: { name: S, issuer: https://x.example, clientId: a, clientSecret: b, roles: [{ ${role}, limits: ${limits} }] } }`;
    for (const [lines, path, larger] of [
      ["plans: { p: { caps: { day: 5, month: 4 } } }", "plans.p.caps.day", "month"],
      ["plans: { p: { caps: [{ month: 5, total: 4.9 }] } }", "plans.p.caps[0].month", "total"],
      ["plans: { p: { caps: { day: 5, total: 4 } } }", "plans.p.caps.day", "total"],
      ["sessions: { idle: 13h }", "sessions.idle", "longest"],
      ["gateway: { headersTimeout: 61s }", "gateway.headersTimeout", "requestTimeout"],
      ["gateway: { requestTimeout: 5s }", "gateway.headersTimeout", "requestTimeout"],
      ["gateway: { maxBuffered: 15MiB }", "gateway.maxBufferedResponse", "maxBuffered"],
      ["exports: { perAccount: { worked: 11 } }", "exports.perAccount.worked", "open"],
      ["exports: { perAccount: { open: 5, kept: 4 } }", "exports.perAccount.open", "kept"],
      ["exports: { limits: { record: 2MiB, total: 1MiB } }", "exports.limits.record", "total"],
      [oidc("{ each: 6, day: 5 }"), "console.oidc.roles[0].limits.each", "day"],
    ] as const) {
      const problem = problemOf(lines);
      assert.deepEqual([problem.path, problem.line], [path, 2]);
      assert.match(problem.reason, /and would never count$/);
      assert.ok(problem.fix.endsWith(`, or a larger ${larger}`), problem.fix);
    }
    parse(`upstream: http://x
plans: { p: { caps: { day: 5, month: 5, total: 5 } } }
gateway: { maxBuffered: 16MiB, headersTimeout: 5s, requestTimeout: 5s, maxRequestBody: 1024MiB }
sessions: { idle: 1h, longest: 1h }
`);
  });

  it("refuses caps that cap nothing, or the same credit type twice", () => {
    const caps = (items: string): FileProblem => problemOf(`plans: { p: { caps: ${items} } }`);
    assert.deepEqual([caps("{}").path, caps("{}").reason], ["plans.p.caps", "caps nothing"]);
    assert.equal(caps("[{ day: 1 }, { month: 1 }]").path, "plans.p.caps[1]");
    assert.equal(caps("[{ day: 0 }]").path, "plans.p.caps[0].day");
    assert.match(caps("{ day: 1, credit: gold }").reason, /unknown credit type "gold"/);
    assert.equal(
      problemOf("plans: { p: { limits: [{ match: GET, requests: 1, per: minute }] } }").path,
      "plans.p.limits[0].match",
    );
  });

  it("blames no price for credit types that are wrong themselves", () => {
    const problem = problemOf('creditTypes: search\nprices: [{ match: "GET /x", cost: 1, credit: search }]');
    assert.equal(problem.path, "creditTypes");
  });

  it("blames no price for plans, or for unpriced, that are wrong themselves", () => {
    const price = "prices: [{ match: GET /a, plan: growth, cost: 1 }]";
    assert.equal(problemOf(`plans: { growth: { limit: 5 } }\n${price}`).path, "plans.growth.limit");
    assert.equal(
      problemOf(`plans: { growth: {} }\n${price.replace("growth", "grwth")}`).path,
      "prices[0].plan",
    );
    assert.equal(
      problemOf("unpriced: fre\nprices: [{ match: POST /mcp, tool: a, cost: 1 }]").path,
      "unpriced",
    );
  });

  it("refuses prices that say nothing: all would be free", () => {
    const { path, reason, fix } = problemOf("prices:\n  # - { match: GET /a, cost: 1 }");
    assert.deepEqual([path, reason], ["prices", "says nothing"]);
    assert.match(fix, /prices: \[\]/);
  });

  it("refuses numbers with more digits than are read, wherever they stand", () => {
    const price = (when: string): string => `prices: [{ match: POST /a, cost: 1, when: ${when} }]`;
    const quotes = "write it in quotes: in a JSON body too only a text has so many digits";
    const fewer = "write it with at most 15 digits";
    for (const [lines, path, shown, fix] of [
      [
        price("{ query: id, equals: 12345678901234567890 }"),
        "prices[0].when.equals",
        "12345678901234567000",
        quotes,
      ],
      [
        price("[{ body: /id, oneOf: [1, 9007199254740993] }]"),
        "prices[0].when[0].oneOf[1]",
        "9007199254740992",
        quotes,
      ],
      [
        price("{ query: x, from: 0.1234567890123456789 }"),
        "prices[0].when.from",
        "0.12345678901234568",
        fewer,
      ],
      ["prices: [{ match: POST /a, cost: 1.0000000000000000001 }]", "prices[0].cost", "1", fewer],
      ["plans: { p: { caps: { day: 100000000.00000000001 } } }", "plans.p.caps.day", "100000000", fewer],
    ] as const) {
      const problem = problemOf(lines);
      assert.deepEqual([problem.path, problem.line, problem.fix], [path, 2, fix]);
      assert.ok(
        problem.reason.endsWith(`has more digits than a number holds, and would be read as ${shown}`),
      );
    }
    parse(
      `upstream: http://x\n${price('{ query: id, oneOf: ["12345678901234567890", 9007199254740991, 0.5] }')}`,
    );
  });

  it("refuses numbers that are compared with texts, and would be another text", () => {
    const price = (when: string): string => `prices: [{ match: "GET /a/{v}", cost: 1, when: ${when} }]`;
    for (const [when, path, fix] of [
      ["{ header: api-version, equals: 1.0 }", "when.equals", '"1.0"'],
      ["[{ query: v, oneOf: [1, 2.10] }]", "when[0].oneOf[1]", '"2.10"'],
      ["{ path: v, noneOf: [007] }", "when.noneOf[0]", '"007"'],
      ["{ query: v, default: 1e3, from: 5 }", "when.default", '"1e3"'],
    ] as const) {
      const problem = problemOf(price(when));
      assert.deepEqual([problem.path, problem.fix], [`prices[0].${path}`, `write it in quotes: ${fix}`]);
    }
    parse(
      `upstream: http://x\n${price("[{ query: v, from: 1.0 }, { query: w, equals: 1.5 }, { query: u, equals: -3 }]")}`,
    );
    parse("upstream: http://x\nprices: [{ match: POST /a, cost: 1.0, when: { body: /v, equals: 1.0 } }]");
  });

  it("says where it names an OpenAPI document that cannot be read", () => {
    const { path, line, reason } = problemOf("prices:\n  openapi: ./none.yaml");
    assert.deepEqual([path, line], ["prices.openapi", 3]);
    assert.match(reason, /cannot be read: ENOENT.*none\.yaml/);
  });

  it("refuses a plan that grants nothing", () => {
    for (const amount of ["0", "-1", "0.0000001", "1000000001", "x", "true"]) {
      const problem = problemOf(`plans: { p: { recurring: { credits: ${amount}, every: day } } }`);
      assert.equal(problem.path, "plans.p.recurring.credits", amount);
    }
  });
});
