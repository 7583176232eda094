import { list, type Vendor } from "./vendor.ts";

/** Published price lists of those who search, read and write for others, in the words of today; the vendors change theirs, the kinds of rule stay. */
export const WEB_VENDORS: readonly Vendor[] = [
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
    name: "Exa since March 2026: ten results included, each further one extra",
    prices: [
      {
        match: "POST /a",
        cost: 0.007,
        plus: [
          {
            cost: 0.001,
            per: "result",
            count: { body: "/results" },
            included: 10,
            atMost: { body: "/numResults", default: 10, max: 100 },
            uncounted: 0,
          },
        ],
      },
    ],
    calls: [
      ["by default", { body: {}, answer: { results: list(10) } }, "0.007", "0.007"],
      [
        "fewer than are included",
        { body: { numResults: 3 }, answer: { results: list(3) } },
        "0.007",
        "0.007",
      ],
      ["25 asked, 12 found", { body: { numResults: 25 }, answer: { results: list(12) } }, "0.022", "0.009"],
      ["an answer without a list", { body: { numResults: 25 }, answer: {} }, "0.022", "0.007"],
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
