import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatCredits } from "../credits.ts";
import { computeCharge } from "./compute-charge.ts";
import { computeKnownQuote } from "./compute-quote.ts";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { Price, RequestFacts } from "./price.ts";
import { selectPrice } from "./select-price.ts";
import { answerFactsOf } from "./testing/answer-facts.ts";

interface Call {
  readonly query?: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly answer?: unknown;
  readonly headers?: Record<string, string>;
  readonly bytes?: number;
}

/** What a call costs, after what was quoted for it. */
type Cost = readonly [quote: string, charge: string];

interface Vendor {
  readonly name: string;
  readonly prices: readonly Record<string, unknown>[];
  readonly calls: readonly (readonly [string, Call, ...Cost])[];
}

const list = (length: number, item: unknown = {}): unknown[] => Array.from({ length }, () => item);

/** Published price lists, in the words of today; the vendors change theirs, the kinds of rule stay. */
const VENDORS: readonly Vendor[] = [
  {
    name: "Crustdata: 2 per match of a list, misses free",
    prices: [
      {
        match: "POST /a",
        cost: 2,
        per: "result",
        count: { body: "", where: { body: "/matches", empty: false } },
        atMost: { sum: [{ body: "/domains" }, { body: "/names" }], max: 25 },
      },
    ],
    calls: [
      [
        "two domains",
        { body: { domains: ["a", "b"] }, answer: [{ matches: [{}] }, { matches: [] }] },
        "4",
        "2",
      ],
      ["domains and names", { body: { domains: ["a", "b"], names: ["c"] }, answer: list(3) }, "6", "0"],
      ["an empty list beside", { body: { domains: ["a"], names: [] }, answer: [] }, "2", "0"],
      ["nothing that is known", { body: {}, answer: [] }, "50", "0"],
      ["text for a list", { body: { domains: "a,b" }, answer: [] }, "50", "0"],
    ],
  },
  {
    name: "Explorium: 1 per entity, of size and page_size the smaller; 200 with a miss is free",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "result",
        count: { body: "/data" },
        atMost: { smallest: [{ body: "/size" }, { body: "/page_size", default: 100 }], max: 500 },
        where: { body: "/response_context/request_status", noneOf: ["miss"] },
      },
    ],
    calls: [
      ["size alone", { body: { size: 3 }, answer: { data: list(3) } }, "3", "3"],
      ["page_size alone", { body: { page_size: 50 }, answer: { data: list(50) } }, "50", "50"],
      ["both", { body: { size: 1000, page_size: 20 }, answer: { data: [] } }, "20", "0"],
      ["neither", { body: {}, answer: { data: list(2) } }, "100", "2"],
      [
        "a miss",
        { body: { size: 2 }, answer: { response_context: { request_status: "miss" }, data: list(2) } },
        "2",
        "0",
      ],
      ["no JSON", { body: { size: 2 } }, "2", "1"],
    ],
  },
  {
    name: "Firecrawl: 1 a page, 4 more for JSON, 2 per 10 search results; a crawl's credits as it reports them",
    prices: [
      {
        match: "POST /a",
        when: { body: "/url", exists: true },
        cost: 1,
        plus: [
          { when: { body: "/formats", contains: { body: "/type", equals: "json" } }, cost: 4 },
          { when: { body: "/formats", contains: "json" }, cost: 4 },
          { when: { body: "/proxy", default: "basic", oneOf: ["stealth", "enhanced"] }, cost: 4 },
        ],
        most: 9,
      },
      {
        match: "POST /a",
        when: { body: "/query", exists: true },
        cost: 2,
        per: "10 results",
        count: { body: "/data" },
        atMost: { body: "/limit", default: 5, max: 100 },
      },
      { match: "POST /a", cost: 1, per: "result", count: { body: "/creditsUsed" }, most: 1000 },
    ],
    calls: [
      ["a page", { body: { url: "u" }, answer: {} }, "1", "1"],
      [
        "a page as JSON",
        { body: { url: "u", formats: ["markdown", { type: "json" }] }, answer: {} },
        "5",
        "5",
      ],
      [
        "both ways to ask",
        { body: { url: "u", formats: ["json", { type: "json" }], proxy: "stealth" }, answer: {} },
        "9",
        "9",
      ],
      [
        "a format that is a text may be a list",
        { body: { url: "u", formats: "html" }, answer: {} },
        "9",
        "9",
      ],
      ["another case of a name", { body: { url: "u", formats: [{ Type: "json" }] }, answer: {} }, "5", "5"],
      ["12 results", { body: { query: "q", limit: 20 }, answer: { data: list(12) } }, "4", "4"],
      ["10 results", { body: { query: "q", limit: 20 }, answer: { data: list(10) } }, "4", "2"],
      ["no results", { body: { query: "q" }, answer: { data: [] } }, "2", "0"],
      ["a job", { body: {}, answer: { creditsUsed: 37 } }, "1000", "37"],
      ["a job that reports nonsense", { body: {}, answer: { creditsUsed: -1 } }, "1000", "1"],
      ["a job that reports too much", { body: {}, answer: { creditsUsed: 5000 } }, "1000", "1000"],
    ],
  },
  {
    name: "Exa: by the number of results asked for, contents per page, cost in dollars reported",
    prices: [
      {
        match: "POST /a",
        when: { body: "/numResults", default: 10, to: 25 },
        cost: 0.005,
        plus: [
          {
            when: { body: "/contents/text", default: false, noneOf: [false] },
            cost: 0.001,
            per: "result",
            count: { body: "/results" },
            atMost: { body: "/numResults", default: 10, max: 25 },
          },
        ],
      },
      { match: "POST /a", when: { body: "/numResults", from: 26, to: 100 }, cost: 0.025 },
      {
        match: "POST /a",
        cost: 1,
        per: "dollar",
        count: { body: "/costDollars/total", decimal: true },
        most: 2,
      },
    ],
    calls: [
      ["by default", { body: {}, answer: { results: list(10) } }, "0.005", "0.005"],
      [
        "25 with text",
        { body: { numResults: 25, contents: { text: true } }, answer: { results: list(20) } },
        "0.03",
        "0.025",
      ],
      ["26", { body: { numResults: 26 }, answer: {} }, "0.025", "0.025"],
      ["a number as a text", { body: { numResults: "26" }, answer: {} }, "0.025", "0.025"],
      [
        "what readers differ on has the dearest",
        { body: { numResults: "2e1" }, answer: { costDollars: { total: 0.0071 } } },
        "2",
        "0.0071",
      ],
      ["101", { body: { numResults: 101 }, answer: { costDollars: { total: 0.1234567 } } }, "2", "0.123457"],
      [
        "dollars as a text",
        { body: { numResults: 101 }, answer: { costDollars: { total: "1.5" } } },
        "2",
        "1.5",
      ],
    ],
  },
  {
    name: "People Data Labs: charged on a match; a search per record; fields that cost more",
    prices: [
      {
        match: "POST /a",
        when: { query: "bulk", exists: true },
        cost: 1,
        per: "record",
        count: { body: "", where: { body: "/status", equals: 200 } },
        atMost: { body: "/requests", max: 100 },
      },
      {
        match: "POST /a",
        cost: 1,
        plus: [
          {
            cost: 2,
            per: "field",
            count: { request: { query: "fields", split: ",", default: 0 } },
            atMost: 6,
          },
        ],
        most: 7,
      },
    ],
    calls: [
      [
        "bulk",
        {
          query: "bulk",
          body: { requests: list(5) },
          answer: [{ status: 200 }, { status: 404 }, { status: 200 }],
        },
        "5",
        "2",
      ],
      ["a look-up", { answer: {} }, "1", "1"],
      ["two fields", { query: "fields=phone,email", answer: {} }, "5", "5"],
      ["five fields", { query: "fields=a,b,c,d,e", answer: {} }, "7", "7"],
      ["an empty list of fields", { query: "fields=", answer: {} }, "1", "1"],
      ["fields twice", { query: "fields=a&fields=b", answer: {} }, "7", "7"],
      ["not found", { query: "fields=a", status: 404 }, "3", "0"],
    ],
  },
  {
    name: "Hunter: 1 per 10 addresses found, at least 1 when it found any",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "10 results",
        count: { body: "/data/emails" },
        atMost: { query: "limit", default: 10, max: 100 },
        where: { body: "/data/emails", empty: false },
      },
    ],
    calls: [
      ["none", { answer: { data: { emails: [] } } }, "1", "0"],
      ["one", { query: "limit=100", answer: { data: { emails: list(1) } } }, "10", "1"],
      ["11", { query: "limit=100", answer: { data: { emails: list(11) } } }, "10", "2"],
      ["no list", { answer: { data: {} } }, "1", "0"],
    ],
  },
  {
    name: "SerpApi: successful searches, not those that the provider had cached",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        where: [
          { body: "/search_metadata/status", equals: "Success" },
          { header: "x-cache", noneOf: ["HIT"] },
        ],
      },
    ],
    calls: [
      ["a success", { answer: { search_metadata: { status: "Success" } } }, "1", "1"],
      ["an error inside a 200", { answer: { search_metadata: { status: "Error" } } }, "1", "0"],
      [
        "a cached one",
        { answer: { search_metadata: { status: "Success" } }, headers: { "x-cache": "HIT" } },
        "1",
        "0",
      ],
    ],
  },
  {
    name: "Proxycurl: extras that are asked for, each charged if it is there",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        plus: [
          { when: { query: "skills", equals: "include" }, cost: 1 },
          {
            when: { query: "personal_contact_number", equals: "include" },
            cost: 1,
            per: "number",
            count: { body: "/personal_numbers" },
            atMost: 5,
            where: { body: "/personal_numbers", empty: false },
          },
        ],
      },
    ],
    calls: [
      ["plain", { answer: { personal_numbers: ["1"] } }, "1", "1"],
      ["skills", { query: "skills=include", answer: {} }, "2", "2"],
      [
        "numbers",
        { query: "skills=include&personal_contact_number=include", answer: { personal_numbers: ["1", "2"] } },
        "7",
        "4",
      ],
      [
        "no numbers",
        { query: "personal_contact_number=include", answer: { personal_numbers: [] } },
        "6",
        "1",
      ],
    ],
  },
  {
    name: "ScrapingBee: a price for each combination, and what is on unless it is turned off",
    prices: [
      {
        match: "POST /a",
        when: [
          { query: "premium_proxy", equals: "true" },
          { query: "render_js", default: "true", equals: "true" },
        ],
        cost: 25,
      },
      { match: "POST /a", when: { query: "premium_proxy", equals: "true" }, cost: 10 },
      { match: "POST /a", when: { query: "render_js", default: "true", equals: "true" }, cost: 5 },
      { match: "POST /a", cost: 1 },
    ],
    calls: [
      ["by default", { answer: "" }, "5", "5"],
      ["without", { query: "render_js=false", answer: "" }, "1", "1"],
      ["premium", { query: "premium_proxy=true", answer: "" }, "25", "25"],
      ["premium without", { query: "premium_proxy=true&render_js=false", answer: "" }, "10", "10"],
    ],
  },
  {
    name: "Apollo: a credit for each enriched person, more with a phone, and no more than asked for",
    prices: [
      {
        match: "POST /a",
        cost: 1,
        per: "result",
        count: { body: "/matches", where: { body: "", empty: false } },
        atMost: { body: "/details", max: 10 },
        plus: [
          {
            when: { query: "reveal_phone_number", equals: true },
            cost: 8,
            per: "result",
            count: { body: "/matches", where: { body: "/phone_numbers", empty: false } },
            atMost: { body: "/details", max: 10 },
          },
        ],
      },
    ],
    calls: [
      [
        "two people, one found",
        { body: { details: list(2) }, answer: { matches: [null, { id: 1 }] } },
        "2",
        "1",
      ],
      [
        "with phones",
        {
          query: "reveal_phone_number=true",
          body: { details: list(2) },
          answer: { matches: [{ phone_numbers: ["1"] }, { phone_numbers: [] }] },
        },
        "18",
        "10",
      ],
    ],
  },
  {
    name: "Tokens: in and out at their own prices, in proportion, and by the thousand",
    prices: [
      {
        match: "POST /a",
        when: { body: "/model", equals: "small" },
        cost: 0.15,
        per: "1000000 tokens",
        round: "exact",
        count: { body: "/usage/prompt_tokens" },
        plus: [
          { cost: 0.6, per: "1000000 tokens", round: "exact", count: { body: "/usage/completion_tokens" } },
        ],
        most: 1,
      },
      {
        match: "POST /a",
        cost: 0.5,
        per: "1000 tokens",
        round: "credit",
        count: { body: "/usage/total_tokens" },
        atMost: { body: "/max_tokens", default: 4096, max: 128_000 },
        least: 1,
      },
    ],
    calls: [
      [
        "a short talk",
        { body: { model: "small" }, answer: { usage: { prompt_tokens: 1_000, completion_tokens: 500 } } },
        "1",
        "0.00045",
      ],
      [
        "one token",
        { body: { model: "small" }, answer: { usage: { prompt_tokens: 1, completion_tokens: 0 } } },
        "1",
        "0.000001",
      ],
      ["whole credits", { body: { max_tokens: 5000 }, answer: { usage: { total_tokens: 2100 } } }, "3", "2"],
      ["at least one", { body: { max_tokens: 10 }, answer: { usage: { total_tokens: 3 } } }, "1", "1"],
    ],
  },
  {
    name: "A proxy: by the kilobyte of what it sends",
    prices: [{ match: "POST /a", cost: 1, per: "1024 bytes", count: { bytes: true }, most: 100 }],
    calls: [
      ["1,024 bytes", { bytes: 1024 }, "100", "1"],
      ["1,025 bytes", { bytes: 1025 }, "100", "2"],
      ["nothing", { bytes: 0 }, "100", "0"],
      ["more than it may be", { bytes: 1_000_000_000 }, "100", "100"],
    ],
  },
];

function parse(prices: readonly unknown[]): readonly Price[] {
  const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
  assert.deepEqual(parsed.ok ? [] : parsed.problems, []);
  return parsed.ok ? parsed.value : [];
}

function priceCall(prices: readonly Price[], call: Call): Cost {
  const facts: RequestFacts = {
    method: "POST",
    path: "/a",
    pathParams: {},
    query: new URLSearchParams(call.query ?? ""),
    header: () => undefined,
    body: fieldsOfValue(call.body),
  };
  const price = selectPrice(prices, facts);
  assert.ok(price !== undefined);
  const quote = computeKnownQuote(price, facts);
  assert.ok(quote !== "unbounded");
  const answer = answerFactsOf({
    body: call.answer,
    headers: new Map(Object.entries(call.headers ?? {})),
    bytes: call.bytes,
  });
  // Where the price reads one number, that is what the gateway hands over.
  const { count } = price;
  const found = count !== undefined && "body" in count ? answer.read(count.body) : undefined;
  const units =
    found?.kind === "list" ? found.length : typeof found?.value === "number" ? found.value : undefined;
  const charge = computeCharge(price, { status: call.status ?? 200, units, answer }, facts);
  return [formatCredits(quote.amount), formatCredits(charge.amount)];
}

for (const { name, prices, calls } of VENDORS) {
  describe(name, () => {
    const parsed = parse(prices);
    for (const [what, call, quote, charge] of calls) {
      it(`${what}: ${charge} of ${quote}`, () => assert.deepEqual(priceCall(parsed, call), [quote, charge]));
    }
  });
}
