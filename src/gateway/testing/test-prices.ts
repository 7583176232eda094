import { parsePrices } from "../../domain/prices/parse-prices.ts";
import type { Price } from "../../domain/prices/price.ts";

/** Prices that read the request's body. */
const READING_PRICES: readonly unknown[] = [
  { match: "POST /mode", when: { body: "/mode", equals: "full" }, cost: 10 },
  { match: "POST /mode", cost: 1, once: { key: "/id", within: "1h" } },
  {
    match: "POST /forms",
    when: { body: "/filters/kind", equals: "full" },
    cost: 10,
    bodies: ["form", "multipart", "application/vnd.api+json"],
  },
  { match: "POST /forms", cost: 1 },
  { match: "POST /dearest", when: { body: "/mode", equals: "lite" }, cost: 1, unreadable: "dearest" },
  { match: "POST /dearest", when: { body: "/mode", exists: true }, cost: 7, unreadable: "dearest" },
  { match: "POST /dearest", cost: 3 },
];

/** Prices that read the path, the query and the headers. */
const FIELD_PRICES: readonly unknown[] = [
  { match: "GET /tier", when: { header: "x-tier", equals: "gold" }, cost: 10 },
  { match: "GET /tier", when: { header: "range", exists: true }, cost: 2 },
  { match: "GET /tier", cost: 1 },
  { match: "GET /query", when: { query: "mode", equals: "full" }, cost: 10 },
  { match: "GET /query", cost: 1, once: { key: { query: "id" }, within: "1h" } },
  { match: "GET /caf\u00e9/{id}", cost: 4, once: { key: { path: "id" }, within: "1h" } },
];

/** Prices that read more of the answer than one number. */
const ANSWER_PRICES: readonly unknown[] = [
  { match: "GET /found", cost: 5, where: { body: "/status", noneOf: ["miss"] } },
  {
    match: "GET /matches",
    cost: 2,
    per: "result",
    count: { body: "/matches", where: { body: "/id", empty: false } },
    atMost: 20,
    plus: [{ cost: 3, where: { header: "x-live", equals: "1" } }],
  },
  { match: "GET /blocks", cost: 2, per: "10 results", count: { body: "/data" }, atMost: 100 },
  { match: "GET /bytes", cost: 1, per: "1000 bytes", count: { bytes: true }, most: 50 },
  { match: "GET /reported", cost: 1, per: "dollar", count: { body: "/cost", decimal: true }, most: 30 },
  {
    match: "POST /asked",
    cost: 1,
    plus: [{ cost: 2, per: "field", count: { request: { body: "/fields", default: 0 } }, atMost: 6 }],
    most: 7,
  },
];

/** The prices that the tests of the gateway use. */
/** What the gateway of a test sells. */
export const TEST_PRICES: readonly Price[] = readPrices([
  { match: "GET /fixed", cost: 5 },
  { match: "POST /fixed", cost: 5 },
  { match: "GET /processed", cost: 10, on: "processed" },
  { match: "GET /listed", cost: 3, on: [200, 404] },
  { match: "HEAD /listed", cost: 1 },
  { match: "GET /head/free", cost: 5, head: "free" },
  ...READING_PRICES,
  ...FIELD_PRICES,
  ...ANSWER_PRICES,
  { match: "GET /abandoned", cost: 5, detached: "abandon" },
  {
    match: "GET /results",
    cost: 1,
    per: "result",
    count: { body: "/data" },
    atMost: { max: 100 },
    uncounted: 2,
  },
  {
    match: "POST /results",
    cost: 1,
    per: "result",
    count: { body: "/data" },
    atMost: { body: "/size", default: 10, max: 100 },
    uncounted: 2,
  },
  {
    match: "GET /counted",
    cost: 1,
    per: "result",
    count: { header: "x-count" },
    atMost: { max: 50 },
    uncounted: 2,
  },
  // Decided on the answer, and dear: ten rows are all that a test's account has.
  {
    match: "GET /rows",
    cost: 100,
    per: "result",
    count: { body: "/data" },
    uncounted: 200,
    decide: "answer",
  },
  { match: "HEAD /rows", cost: 1, decide: "answer" },
  {
    match: "GET /files/{id}",
    cost: 10,
    per: "result",
    count: { header: "x-records" },
    once: { key: { path: "id" }, within: "30d" },
    decide: "answer",
  },
  { match: "GET /unlock", cost: 600, decide: "answer" },
  { match: "GET /unlock/unwatched", cost: 600, decide: "answer", detached: "abandon" },
]);

function readPrices(input: unknown): readonly Price[] {
  const parsed = parsePrices(input, "prices", { creditTypes: ["credits"] });
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.problems));
  return parsed.value;
}
