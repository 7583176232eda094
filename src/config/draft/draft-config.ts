import { readContract } from "../../contract/load-contract.ts";
import { shownCreditTypes } from "../../contract/shown-credit-types.ts";
import type { DraftedOperation } from "./draft-operations.ts";

/** What a drafted configuration says. */
export interface ConfigDraft {
  readonly upstream: string;
  /** A shipped contract's name or a path. */
  readonly contract: string;
  /** The operations of an API that is described; undefined: examples of prices are written. */
  readonly operations: readonly DraftedOperation[] | undefined;
  /** What becomes of them: each is free until a cost is written, or has no price until its line is uncommented. */
  readonly as: "free" | "unpriced";
}

/** A commented configuration to begin with. It is valid as it stands. */
export function draftConfig({ upstream, contract, operations, as }: ConfigDraft): string {
  const creditTypes = creditTypesOf(contract);
  // With several, each price and each grant says which one it takes.
  const credit = creditTypes.length > 1 ? `, credit: ${creditTypes[0]}` : "";
  const isClosed = operations !== undefined && as === "free";
  return `# How Farebox sells this API. After a change: farebox check, then farebox try, then farebox start.

# Where the API runs. Customers must reach it through Farebox only.
upstream: ${quote(upstream)}

# How it looks to customers: where keys are read, what refusals and headers say. A shipped contract (farebox, firecrawl, serpapi …) or the
# path of a file of yours.
contract: ${quote(contract)}

# Kinds of credits. With several, each price says which one it takes: credit: search.
creditTypes: [${creditTypes.join(", ")}]

# What requests cost. The most specific match counts; letter case and a slash at the end do not matter.
# More: conditions (when), blocks (per: 10 results), further sums (plus), the answer's status (on) and content (where).
${renderPrices(operations, as, credit)}
# Requests without a price: free (forwarded for every key), or refuse (404). Those that need no key stand in open: [GET /health].
unpriced: ${isClosed ? "refuse" : "free"}

# What accounts are granted again and again.
plans:
  starter: { recurring: { credits: 1000, every: month${credit} } }

# How fast they may be.
# limits:
#   - { match: "*", requests: 100, per: minute }
`;
}

/** Those that the contract shows, after one that the prices take. A contract that cannot be read is told of by who checks the draft. */
function creditTypesOf(contract: string): string[] {
  const read = readContract(contract);
  return [...new Set(["credits", ...("file" in read ? shownCreditTypes(read.file) : [])])];
}

function renderPrices(
  operations: readonly DraftedOperation[] | undefined,
  as: ConfigDraft["as"],
  credit: string,
): string {
  if (operations === undefined) return renderExamples(credit);
  const lines = operations.map((operation) => renderOperation(operation, as, credit));
  const isEmpty = as === "unpriced" || operations.every(({ reason }) => reason !== undefined);
  const head =
    as === "free"
      ? "# Each operation is free now. Write a cost in the place of free: true to sell it."
      : "# No operation has a price now. Take the # before a line away to sell it, and the [] behind prices.";
  return `${head}\nprices:${isEmpty ? " []" : ""}\n${lines.join("")}`;
}

function renderOperation(
  { match, summary, reason }: DraftedOperation,
  as: ConfigDraft["as"],
  credit: string,
): string {
  const comment = summary === undefined ? "" : ` # ${summary}`;
  if (reason !== undefined) return `  # ${match} can have no price of its own: ${reason}\n`;
  return as === "free"
    ? `  - { match: ${quote(match)}, free: true }${comment}\n`
    : `  # - { match: ${quote(match)}, cost: 1${credit} }${comment}\n`;
}

const renderExamples = (credit: string): string => `prices:
  # A fixed cost for each call that succeeds.
  - { match: "GET /v1/example/{id}", cost: 1${credit} }
  # A credit for each item of the answer's list. The request's page_size bounds what is set aside before the call.
  - match: "POST /v1/search"
    cost: 1${credit.replace(", ", "\n    ")}
    per: result
    count: { body: /data }
    atMost: { body: /page_size, default: 10, max: 100 }
  # Free, but only with a key.
  - { match: "GET /v1/status", free: true }
`;

/** A text of JSON is one of YAML. */
function quote(text: string): string {
  return JSON.stringify(text);
}
