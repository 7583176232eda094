import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-try-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "farebox.yaml");

writeFileSync(
  file,
  `
upstream: http://127.0.0.1:9000
unpriced: refuse
open: [GET /health]
plans: { capped: { caps: { day: 12, total: 40 } }, growth: { recurring: { credits: 100, every: month }, limits: [{ match: POST /v1/*, results: 500, per: minute, by: key }] } }
limits: [{ match: "*", requests: 10, per: second }, { match: GET /v1/ip, requests: 1, per: minute }]
prices:
  - { match: POST /v1/search, plan: growth, cost: 1, when: { body: /deep, equals: true } }
  - { match: POST /v1/search, cost: 8, when: { body: /deep, equals: true } }
  - match: POST /v1/search
    cost: 2
    per: 10 results
    count: { body: /data }
    atMost: { body: /limit, default: 10, max: 100 }
    plus: [{ cost: 3, when: { query: phone, exists: true } }]
    where: { body: /status, noneOf: [miss] }
  - { match: POST /v1/scrape, cost: 2, when: { body: /limit, default: 10, from: 26 } }
  - { match: POST /v1/scrape, cost: 1 }
  - { match: GET /v1/ip, cost: 10, on: processed, once: { key: { query: ip }, within: 24h } }
  - { match: "GET /v1/jobs/{id}", free: true }
  - match: POST /v1/tiered
    cost: 2
    per: result
    count: { body: /data }
    atMost: { body: /limit, default: 10, max: 100 }
    tiers: { within: month, counter: searches, steps: [{ over: 1000, cost: 1 }] }
  - match: "GET /v1/crawl/{id}"
    cost: 1
    per: page
    count: { body: /completed, increase: { key: { path: id }, within: 30d } }
    decide: answer
  - { match: POST /v1/answer, cost: 1, per: token, count: { body: /tokens }, decide: answer }
`,
);

async function run(...options: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const terminal = {
    out: (part: string) => void (out += part),
    err: (part: string) => void (err += part),
    interactive: false,
  };
  const code = await runCli(["try", file, ...options], terminal);
  return { code, out: out.replaceAll(file, "farebox.yaml"), err: err.replaceAll(file, "farebox.yaml") };
}

interface Tried {
  readonly kind: string;
  readonly endpoint: string | null;
  readonly permitted: boolean;
  readonly limits: readonly { match: string; counts: string }[];
  readonly prices: readonly {
    own: boolean;
    outcome: string;
    conditions: readonly { found: string; holds: boolean | null }[];
  }[];
  readonly otherPlans: readonly unknown[];
  readonly quote: {
    most: number | null;
    inTier: number | null;
    held: number;
    units: number | null;
    repeatsBy: string | null;
  } | null;
  readonly cap: { window: string; cap: number; left: number } | null;
  readonly charge: {
    chargedStatus: boolean;
    repeat: boolean;
    amount: number;
    tiers: readonly { over: number; units: number }[];
    uncollected: number;
    units: number;
    countProblem: string | null;
  } | null;
  readonly refusal: { code: string; at: string; status: number; body: string } | null;
  readonly seen: { headers: Record<string, string>; usage: object | null } | null;
  readonly withoutCredits: { status: number } | null;
}

async function tried(request: string, ...options: string[]): Promise<Tried> {
  const { code, out, err } = await run("--request", request, "--json", ...options);
  assert.deepEqual([code, err], [0, ""]);
  return JSON.parse(out) as Tried;
}

const twelve = JSON.stringify({ status: "ok", data: Array.from({ length: 12 }, () => 0) });

describe("farebox try", () => {
  it("explains each step to people", async () => {
    const { code, out } = await run(
      "--request",
      "POST https://api.example.com/v1/search?phone=1",
      "--body",
      '{"deep":false,"limit":30}',
      "--response-body",
      twelve,
    );
    assert.equal(code, 0);
    const [searched, limited, quoted, answered, seen, refused] = out.split("\n\n").slice(1);
    assert.equal(
      searched,
      `Endpoint: POST /v1/search
  1. does not apply: 8 credits per request, charged when successful
       \`/deep\` of the body is \`true\`: does not hold, there is false
  2. applies: 2 credits per 10 results, at most 100 results a request, plus 3 credits per request when query parameter \`phone\` is given, charged when successful and when \`/status\` of the answer is not \`miss\`
  –  for growth only: 1 credit per request, charged when successful`,
    );
    assert.equal(
      limited,
      "Limits that count it\n  at most 10 requests in 1s of one account, with all that is *",
    );
    assert.equal(
      quoted,
      `Before the upstream is asked
  the most that it can cost: 9 credits, for 30
  set aside of 1000: 9 credits`,
    );
    assert.equal(
      answered,
      `The answer: 200
  status 200 is charged
  \`/status\` of the answer is not \`miss\`: holds, there is "ok"
  2 credits per 10 results, at most 100 results a request: 12 counted, 4 credits
  3 credits per request: 3 credits
  charge: 7 credits`,
    );
    assert.match(
      seen ?? "",
      /^What the contract adds to the answer\n {2}Credits-Charged: 7\n {2}Credits-Remaining: 993$/m,
    );
    assert.match(refused ?? "", /^What a customer without credits gets\n {2}402 Payment Required\n/);
  });

  it("tells programs the same", async () => {
    const answer = await tried("POST /v1/search", "--response-body", twelve);
    assert.equal(answer.endpoint, "POST /v1/search");
    assert.deepEqual(
      answer.prices.map(({ outcome }) => outcome),
      ["fails", "applies"],
    );
    assert.deepEqual(answer.quote, { most: 2, units: 10, inTier: null, held: 2, repeatsBy: null });
    // More than the bound that the request led to: the whole count is charged.
    assert.equal(answer.charge?.amount, 4);
    assert.equal(answer.seen?.headers["Credits-Charged"], "4");
    assert.equal(answer.withoutCredits?.status, 402);
  });

  it("tries the prices that the account's plan has", async () => {
    const deep = ["--body", '{"deep":true}'];
    assert.equal((await tried("POST /v1/search", ...deep)).charge?.amount, 8);
    const growth = await tried("POST /v1/search", ...deep, "--plan", "growth");
    assert.equal(growth.charge?.amount, 1);
    assert.deepEqual(
      growth.prices.map(({ outcome }) => outcome),
      ["applies", "later", "later"],
    );
    const unknown = await run("--request", "POST /v1/search", "--plan", "grwth");
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /no plan "grwth"[^]*growth/);
  });

  it("tries tiers and a number that grows from where the account is", async () => {
    const five = ["--body", '{"limit":5}', "--response-body", '{"data":[1,2,3,4,5]}'];
    const cost = async (...options: string[]) => {
      const { quote, charge } = await tried("POST /v1/tiered", ...five, ...options);
      const parts = charge?.tiers.map(({ over, units }) => [over, units]);
      return [quote?.most, quote?.inTier, charge?.amount, parts];
    };
    assert.deepEqual(await cost(), [10, 10, 10, [[0, 5]]]);
    assert.deepEqual(await cost("--used", "998"), [
      10,
      7,
      7,
      [
        [0, 2],
        [1000, 3],
      ],
    ]);
    assert.deepEqual(await cost("--used", "2000.5"), [10, 5, 5, [[1000, 5]]]);
    const { out } = await run("--request", "POST /v1/tiered", ...five, "--used", "998");
    assert.match(
      out,
      /: 998 was used before it in the month, 2 in the first tier at 2 credits, 3 over 1000 at 1 /,
    );
    const crawl = ["GET /v1/crawl/7", "--response-body", '{"completed":7}'] as const;
    const grown = await tried(...crawl, "--charged", "3");
    assert.deepEqual([grown.charge?.amount, grown.charge?.units], [4, 4]);
    assert.equal((await tried(...crawl, "--charged", "9")).charge?.amount, 0);
    assert.equal((await run("--request", "GET /v1/ip", "--used", "-1")).code, 1);
  });

  it("tries an account's own prices before all others, and says what is wrong with them", async () => {
    const prices = join(folder, "own.yaml");
    // Its parameters may have other names.
    writeFileSync(prices, 'prices: [{ match: "GET /v1/crawl/{job}", plan: growth, cost: 0.25 }]\n');
    const crawl = ["GET /v1/crawl/7", "--account-prices", prices] as const;
    const own = await tried(...crawl, "--plan", "growth");
    assert.deepEqual([own.endpoint, own.charge?.amount], ["GET /v1/crawl/{id}", 0.25]);
    assert.deepEqual(
      own.prices.map((price) => [price.own, price.outcome]),
      [
        [true, "applies"],
        [false, "later"],
      ],
    );
    assert.deepEqual(
      (await tried(...crawl)).prices.map((price) => price.own),
      [false],
    );
    writeFileSync(prices, "prices: [{ match: GET /a, plan: grwth, cost: -1 }]\n");
    const wrong = await run("--request", "GET /a", "--account-prices", prices);
    assert.equal(wrong.code, 2);
    assert.match(
      wrong.err,
      /own\.yaml:1 prices\[0\]\.plan[^]*own\.yaml:1 prices\[0\]\.cost: -1 is not an amount/,
    );
  });

  it("refuses what the key's caps do not leave, its own or its plan's", async () => {
    const ip = ["GET /v1/ip", "--plan", "capped"] as const;
    const fits = await tried(...ip, "--spent", "2");
    assert.deepEqual([fits.cap, fits.charge?.amount], [{ window: "day", cap: 12, left: 10 }, 10]);
    const short = await tried(...ip, "--spent", "2.000001");
    assert.deepEqual(
      [short.refusal?.code, short.refusal?.status, short.charge],
      ["key_cap_reached", 402, null],
    );
    // The key's own take the place of the plan's. Of two that leave the same, the longer window is told.
    const own = await tried(...ip, "--spent", "5", "--cap", "month=14", "--cap", "total=14");
    assert.deepEqual(
      [own.cap, own.refusal?.code],
      [{ window: "total", cap: 14, left: 9 }, "key_cap_reached"],
    );
    assert.equal((await tried(...ip, "--spent", "30", "--cap", "month=40")).charge?.amount, 10);
    assert.equal((await tried(...ip, "--spent", "30")).cap?.left, 0);
    // The pool is told where it has less.
    assert.equal((await tried(...ip, "--balance", "5")).refusal?.code, "insufficient_credits");
    assert.match((await run("--request", ...ip)).out, /the key may spend 12 credits a day: 12 left/);
    const late = await tried("POST /v1/answer", "--response-body", '{"tokens":7}', "--cap", "day=6");
    assert.deepEqual([late.refusal?.code, late.refusal?.at], ["key_cap_reached", "answer"]);
    assert.equal((await run("--request", "GET /a", "--cap", "week=5")).code, 1);
    assert.equal((await run("--request", "GET /a", "--cap", "day=0")).code, 1);
  });

  it("knows the key's scopes, and tells the limits that count a call", async () => {
    const scoped = await tried("GET /v1/ip", "--scope", "POST /v1/*", "--scope", "GET /V1/jobs/{id}");
    assert.deepEqual([scoped.permitted, scoped.refusal?.status, scoped.charge], [false, 403, null]);
    assert.equal((await tried("GET /v1/jobs/1", "--scope", "GET /V1/jobs/{id}/")).permitted, true);
    // What needs no key has no scopes.
    assert.equal((await tried("GET /health", "--scope", "POST /v1/*")).kind, "open");
    const limits = async (...options: [string, ...string[]]) =>
      (await tried(...options)).limits.map(({ match, counts }) => `${match} ${counts}`);
    assert.deepEqual(await limits("HEAD /v1/ip/"), ["* requests", "GET /v1/ip requests"]);
    assert.deepEqual(await limits("POST /v1/scrape", "--plan", "growth"), [
      "* requests",
      "POST /v1/* results",
    ]);
    assert.deepEqual(await limits("GET /health"), []);
    const { out } = await run("--request", "POST /v1/search", "--plan", "growth", "--response-body", twelve);
    assert.match(
      out,
      /at most 500 results in 1m of one key, with all that is POST \/v1\/\*; it is 12 of them/,
    );
    const wrong = await run("--request", "GET /v1/ip", "--scope", "GET v1");
    assert.match(wrong.err, /does not begin with \//);
  });

  it("charges nothing where the status or the answer says so", async () => {
    const failed = await tried("POST /v1/search", "--response", "500");
    assert.deepEqual([failed.charge?.chargedStatus, failed.charge?.amount], [false, 0]);
    assert.deepEqual(failed.seen?.headers, {});
    const missed = await tried("POST /v1/search", "--response-body", '{"status":"miss","data":[1]}');
    assert.deepEqual([missed.charge?.chargedStatus, missed.charge?.amount], [true, 0]);
    const uncounted = await tried("POST /v1/search", "--response-body", "no JSON");
    assert.deepEqual([uncounted.charge?.countProblem, uncounted.charge?.amount], ["missing", 2]);
  });

  it("takes the dearest where it is not known what applies", async () => {
    const answer = await tried("POST /v1/scrape", "--body", '{"limit":"5e1"}');
    assert.deepEqual(
      answer.prices.map(({ outcome }) => outcome),
      ["applies", "may"],
    );
    assert.equal(answer.prices[0]?.conditions[0]?.holds, null);
  });

  it("refuses as the gateway does, at the request or at the answer", async () => {
    const short = await tried("GET /v1/ip?ip=1.2.3.4", "--balance", "9.5");
    assert.deepEqual(
      [short.refusal?.code, short.refusal?.at, short.refusal?.status],
      ["insufficient_credits", "request", 402],
    );
    assert.deepEqual([short.charge, short.quote?.repeatsBy], [null, '"1.2.3.4"']);
    const max = await tried("GET /v1/ip?ip=1.2.3.4", "--header", "Credits-Max: 5");
    assert.equal(max.refusal?.code, "quote_above_max");
    const answer = await tried("POST /v1/answer", "--response-body", '{"tokens":20}', "--balance", "19");
    assert.deepEqual([answer.quote?.held, answer.charge?.amount], [0, 20]);
    assert.deepEqual([answer.refusal?.code, answer.refusal?.at], ["insufficient_credits", "answer"]);
    const twice = await tried("POST /v1/search?phone=1&phone=2");
    assert.deepEqual([twice.kind, twice.refusal?.code], ["refused", "request_invalid"]);
    const form = await tried("POST /v1/search", "--header", "content-type: text/plain", "--body", "x");
    assert.deepEqual([form.kind, form.refusal?.code], ["refused", "media_type_unsupported"]);
  });

  it("charges nothing for what was charged within a window, as the gateway does, also without credits", async () => {
    const ip = ["GET /v1/ip?ip=1.2.3.4", "--repeated"] as const;
    const told = async (...options: [string, ...string[]]) => {
      const { charge, refusal } = await tried(...options);
      return [charge?.repeat, charge?.amount, charge?.uncollected, refusal?.code];
    };
    assert.deepEqual(await told("GET /v1/ip?ip=1.2.3.4"), [false, 10, 0, undefined]);
    assert.deepEqual(await told(...ip), [true, 0, 0, undefined]);
    assert.deepEqual(await told(...ip, "--balance", "0"), [true, 0, 0, undefined]);
    assert.equal((await tried(...ip)).withoutCredits, null);
    // What may be charged at most is looked at before.
    assert.equal((await tried(...ip, "--header", "Credits-Max: 5")).refusal?.code, "quote_above_max");
    // Without the field, and without a window, nothing repeats.
    assert.deepEqual(await told("GET /v1/ip", "--repeated"), [false, 10, 0, undefined]);
    assert.deepEqual(await told("POST /v1/scrape", "--repeated"), [false, 1, 0, undefined]);
    const { out } = await run("--request", ...ip);
    assert.match(out, /it repeats what was charged within the window: nothing is charged/);
  });

  it("says what is not priced at all", async () => {
    const kinds = ["GET /v1/jobs/1", "GET /health", "GET /nothing", "GET /v1//x", "GET /v1/credits/balances"];
    const found = await Promise.all(kinds.map(async (request) => (await tried(request)).kind));
    assert.deepEqual(found, ["free", "open", "unpriced", "refused", "customerApi"]);
    assert.equal((await tried("GET /nothing")).refusal?.status, 404);
  });

  it("reads bodies from files, and names what is wrong with a description", async () => {
    const body = join(folder, "answer.json");
    writeFileSync(body, twelve);
    assert.equal((await tried("POST /v1/search", "--response-body", `@${body}`)).charge?.units, 12);
    const missing = await run("--request", "POST /v1/search", "--body", `@${join(folder, "none.json")}`);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /described_call_invalid|cannot be read/);
    const both = await run("--request", "POST /v1/search", "--body", "-", "--response-body", "-");
    assert.match(both.err, /one of the two bodies/);
    for (const wrong of [
      ["--request", "search"],
      ["--request", "GET /a", "--header", "x"],
      ["--request", "GET /a", "--response", "100"],
      ["--request", "GET /a", "--balance", "-1"],
    ]) {
      assert.equal((await run(...wrong)).code, 1, wrong.join(" "));
    }
  });
});

describe("farebox try --help", () => {
  it("is written", async () => {
    const { code, out } = await run("--help");
    assert.equal(code, 0);
    assert.match(out, /--balance <credits>.*pool that pays\s+\(default: 1000\)/s);
  });
});
