import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import { listContracts, loadContract, parseContract, readDefaults } from "./load-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-contract-"));
after(() => rmSync(folder, { recursive: true }));

function load(text: string) {
  const read = parseContract("own.yaml", text, readDefaults());
  if ("problems" in read) assert.fail(read.problems.map((problem) => problem.reason).join());
  return read.contract;
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
