/** The shard, the instance, the batch's number, and how many seconds the responses in it can be replayed. */
const SCALARS = ["int", "text", "bigint", "int"] as const;

/**
 * The array parameters of `farebox.run_batch` behind them, in order, with their types. Migrations 0004 and 0008 describe them; arrays whose names start
 * with the same letter belong together.
 */
const COLUMNS = [
  ["pAccount", "text[]"],
  ["pType", "text[]"],
  ["pBack", "bigint[]"],
  ["pLeaseTotal", "bigint[]"],
  ["pPoolTotal", "bigint[]"],
  ["pCount", "int[]"],
  ["kPool", "int[]"],
  ["kKey", "text[]"],
  ["kBack", "bigint[]"],
  ["kTotal", "bigint[]"],
  ["dPool", "int[]"],
  ["dKey", "text[]"],
  ["dEndpoint", "text[]"],
  ["dCount", "int[]"],
  ["dUnits", "bigint[]"],
  ["dCredits", "bigint[]"],
  ["cDim", "int[]"],
  ["cSource", "int[]"],
  ["cAmount", "bigint[]"],
  ["cRunning", "bigint[]"],
  ["cNth", "int[]"],
  ["cRequest", "text[]"],
  ["cUnits", "int[]"],
  ["cStatus", "int[]"],
  ["cList", "int[]"],
  ["sDim", "int[]"],
  ["sSource", "int[]"],
  ["sAmount", "bigint[]"],
  ["sRequest", "text[]"],
  ["sUnits", "int[]"],
  ["sStatus", "int[]"],
  ["sList", "int[]"],
  ["sOnce", "int[]"],
  ["sIdempotency", "int[]"],
  ["hPool", "int[]"],
  ["hId", "text[]"],
  ["oPool", "int[]"],
  ["oEndpoint", "text[]"],
  ["oValue", "text[]"],
  ["oSeconds", "int[]"],
  ["iPool", "int[]"],
  ["iKey", "text[]"],
  ["iOwner", "text[]"],
  ["iStatus", "int[]"],
  ["iHeaders", "text[]"],
  ["iBody", "text[]"],
  ["rHold", "int[]"],
  ["lPool", "int[]"],
  ["lKey", "int[]"],
  ["lNeed", "bigint[]"],
  ["lWant", "bigint[]"],
  ["nHold", "int[]"],
  ["nAmount", "bigint[]"],
  ["nSeconds", "int[]"],
  ["fPool", "int[]"],
] as const;

export const BATCH_COLUMNS: readonly (typeof COLUMNS)[number][0][] = COLUMNS.map(([name]) => name);

const TYPES = [...SCALARS, ...COLUMNS.map(([, type]) => type)];

/** Parsed once per connection. */
export const RUN_BATCH = {
  name: "run-batch",
  text: `SELECT farebox.run_batch(${TYPES.map((type, index) => `$${index + 1}::${type}`).join(", ")}) AS reply`,
};
