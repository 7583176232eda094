import type { Mutation } from "../mutation.ts";

const LANGUAGE = "src/domain/prices/language-properties.test.ts";
const MEASURED = "src/ledger/batch/measured-charge.pg.test.ts";
const VENDORS = "src/domain/prices/vendor-prices.test.ts";

/** Faults of the price language. */
export const PRICES: readonly Mutation[] = [
  {
    name: "round blocks down",
    why: "12 results of blocks of 10 cost one block.",
    file: "src/domain/prices/part-amount.ts",
    search: "  return (value + by - 1n) / by;",
    replacement: "  return value / by;",
    tests: [
      { file: VENDORS, title: "12 results" },
      { file: LANGUAGE, title: "are those of a reference that counts in billionths" },
    ],
  },
  {
    name: "forget what was used in the tiers before",
    why: "Nobody ever leaves the first tier, or everybody has its free units for ever.",
    file: "migrations/0037_measured_charges.sql",
    search: "CASE WHEN c.period = excluded.period THEN c.used ELSE 0 END + excluded.used",
    replacement: "excluded.used",
    tests: [
      { file: MEASURED, title: "each unit costs what its tier says; a call of several tiers is the sum" },
    ],
  },
  {
    name: "take a smaller number for the highest that was charged",
    why: "A status that answers less once, and then more, is charged twice.",
    file: "migrations/0037_measured_charges.sql",
    search: "greatest(t.charged, excluded.charged)",
    replacement: "excluded.charged",
    tests: [
      {
        file: MEASURED,
        title: "of a number that grows only the increase over the highest that was charged is charged",
      },
    ],
  },
  {
    name: "have the account's own prices tried last",
    why: "What was negotiated never applies where everybody's price does.",
    file: "src/domain/prices/price-table.ts",
    search: "const candidates = [...value.candidates, ...(listed?.value.candidates ?? [])];",
    replacement: "const candidates = [...(listed?.value.candidates ?? []), ...value.candidates];",
    tests: [
      {
        file: "src/domain/prices/own/own-prices.test.ts",
        title: "are tried before everybody's of one match, and are those of their own list",
      },
    ],
  },
  {
    name: "quote only the sums that surely apply",
    why: "What may be charged is not set aside, and is collected from a pool that may not have it.",
    file: "src/domain/prices/compute-quote.ts",
    search: "conditionHolds(condition, facts)) !== false)",
    replacement: "conditionHolds(condition, facts)) === true)",
    tests: [
      {
        file: LANGUAGE,
        title:
          "never charges more than the quote while the answer keeps to the bounds, nor ever more than most",
      },
    ],
  },
  {
    name: "take a number that readers differ on for one out of range",
    why: "A trick of spelling has the cheaper price.",
    file: "src/domain/prices/condition.ts",
    search: "  if (number === undefined) return undefined;",
    replacement: "  if (number === undefined) return false;",
    tests: [
      {
        file: "src/domain/prices/select-price.test.ts",
        title: "a number that some readers find in the range",
      },
    ],
  },
  {
    name: "take an answer that is no JSON for one whose conditions do not hold",
    why: "An API that answers in another form gives everything away.",
    file: "src/domain/prices/compute-sums.ts",
    search: "  if (!answer.isRead) return undefined;",
    replacement: "  if (!answer.isRead) return false;",
    tests: [
      { file: VENDORS, title: "no JSON" },
      { file: "src/gateway/gateway-answer-prices.test.ts", title: "no JSON" },
    ],
  },
  {
    name: "count an item by what an earlier one held",
    why: "Misses are charged as matches.",
    file: "src/exchange/body/answer-watch.ts",
    search: "        forget(item);\n",
    replacement: "",
    tests: [
      {
        file: "src/exchange/body/answer-watch.test.ts",
        title: "finds what a parser finds, however the body is cut",
      },
    ],
  },
  {
    name: "bound by the largest of several fields' smallest",
    why: "Customers with enough credits are refused.",
    file: "src/domain/prices/compute-bound.ts",
    search: "Math.min(bound + asked, max) : Math.min(bound, asked);",
    replacement: "Math.min(bound + asked, max) : Math.max(bound, asked);",
    tests: [{ file: VENDORS, title: "size alone" }],
  },
  {
    name: "charge results that a call includes",
    why: "Every search costs what it was promised to include.",
    file: "src/domain/prices/part-amount.ts",
    search: "toMicroUnits(part.included ?? 0)",
    replacement: "toMicroUnits(0)",
    tests: [{ file: VENDORS, title: "25 asked, 12 found" }],
  },
  {
    name: "tell of a charge's tiers what was used with it as used before",
    why: "A customer who looks at a bill is told of tiers that the call was not in.",
    file: "migrations/0038_charges_tell_their_tiers.sql",
    search: "THEN v_used END",
    replacement: "THEN v_used + o_quantity END",
    tests: [
      { file: MEASURED, title: "each unit costs what its tier says; a call of several tiers is the sum" },
    ],
  },
  {
    name: "let a wide match in open take the requests of a price",
    why: "What is priced is free, and needs no key: an open match goes before all prices.",
    file: "src/config/check-reach.ts",
    search: "comparePrecedence(pattern, taken) >= 0",
    replacement: "comparePrecedence(pattern, taken) === 0",
    tests: [{ file: "src/config/check-reach.test.ts", title: "is no price's" }],
  },
  {
    name: "let a batch of calls pass where tools have prices",
    why: "A JSON array has no method: without a price it is free, and in it are calls of all tools.",
    file: "src/domain/prices/parse-prices.ts",
    search: 'if (unpriced !== "free" || prices.includes(undefined)) return;',
    replacement: "if (prices.length >= 0) return;",
    tests: [{ file: "src/domain/prices/mcp-page.test.ts", title: "is refused with a free price" }],
  },
  {
    name: "take conditions that nothing satisfies",
    why: "The price never applies, or never charges: its requests are free, and nobody is told.",
    file: "src/domain/prices/parse/contradictions.ts",
    search: "if (first === undefined) return;",
    replacement: "if (first === undefined || path !== undefined) return;",
    tests: [{ file: "src/domain/prices/contradicting-prices.test.ts", title: "contradict one another" }],
  },
  {
    name: "publish prices without a look at what is beside them",
    why: "A price of the operator API reads a header that never arrives, or is open without a key: all its requests are free.",
    file: "src/config/check-prices.ts",
    search: "    checkPrices(parsed.value, config, contract, problems);",
    replacement: "",
    tests: [
      {
        file: "src/api/operator/price-lists/price-lists.pg.test.ts",
        title: "prices that contradict one another, the contract or the configuration come in by no door",
      },
    ],
  },
  {
    name: "take a most below what a call costs",
    why: "A digit was forgotten: every call is sold for less than its cost, and nobody is told.",
    file: "src/domain/prices/parse/find-idle-amounts.ts",
    search: "  if (one > most) {",
    replacement: "  if (one > most && one < 0n) {",
    tests: [{ file: "src/domain/prices/idle-amounts.test.ts", title: "are refused: " }],
  },
  {
    name: "compare with a number that lost its digits",
    why: "The price of an id applies to its neighbours, or to nobody.",
    file: "src/domain/lost-digits.ts",
    search: "return significantDigits(digits) !== significantDigits(mantissaOf(value));",
    replacement: "return digits.length === 0;",
    tests: [
      { file: "src/domain/lost-digits.test.ts", title: "loses digits of its text" },
      { file: "src/config/refuse-config.test.ts", title: "refuses numbers with more digits than are read" },
    ],
  },
];
