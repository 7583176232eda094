import assert from "node:assert/strict";
// oxlint-disable-next-line no-restricted-imports -- the test reads the page that it checks; what it checks stays pure.
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { isJsonObject } from "../json/json-value.ts";
import { fieldsOfValue } from "./field-value.ts";
import { parsePrices } from "./parse-prices.ts";
import { parsePriceList, priceListText } from "./price-list-json.ts";
import { buildPriceTable } from "./price-table.ts";
import { selectPrice } from "./select-price.ts";

const page = readFileSync(new URL("../../../docs/guide/mcp.md", import.meta.url), "utf8");
const [, example = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
const file: unknown = parse(example);
assert.ok(isJsonObject(file));
assert.equal(file["unpriced"], "refuse");

const OPTIONS = { creditTypes: ["credits"] };

function table() {
  assert.ok(isJsonObject(file));
  const parsed = parsePrices(file["prices"], "prices", OPTIONS);
  assert.ok(parsed.ok);
  // As an instance reads it: the short form is stored as the conditions that it is.
  const stored = parsePriceList(JSON.parse(priceListText({ prices: parsed.value, unpriced: "refuse" })), 1);
  assert.ok(stored.ok);
  return buildPriceTable(stored.value);
}

/** Credits; undefined: no price applies, and the request is refused. */
function costOf(body: unknown): bigint | undefined {
  const match = table().find("POST", "/mcp");
  const facts = {
    method: "POST",
    path: "/mcp",
    pathParams: {},
    query: new URLSearchParams(),
    header: () => undefined,
    body: fieldsOfValue(body),
  };
  const price = selectPrice(match?.candidates ?? [], facts);
  return price && price.cost / 1_000_000n;
}

const call = (name: string) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name, arguments: {} },
});

describe("docs/guide/mcp.md", () => {
  it("prices each tool by its name, and has free what finds them", () => {
    assert.deepEqual(
      ["web_search", "fetch", "list_sources", "other", "Fetch"].map((name) => costOf(call(name))),
      [2n, 2n, 0n, 10n, 10n],
    );
    for (const method of ["initialize", "notifications/initialized", "ping", "tools/list"])
      assert.equal(costOf({ jsonrpc: "2.0", id: 1, method }), 0n, method);
    const found = ["GET", "DELETE"].map((method) => table().find(method, "/mcp")?.priced);
    assert.deepEqual(found, [false, false]);
  });

  it("refuses other methods, and batches whatever is in them", () => {
    for (const body of [
      { jsonrpc: "2.0", id: 1, method: "resources/read" },
      { method: "tools/call " },
      [],
      [call("fetch")],
      [{ jsonrpc: "2.0", id: 1, method: "ping" }, call("fetch")],
      undefined,
    ])
      assert.equal(costOf(body), undefined, JSON.stringify(body));
    // A call without a tool's name is a call.
    assert.equal(costOf({ jsonrpc: "2.0", id: 1, method: "tools/call" }), 10n);
  });

  it("is refused with a free price for everything beside tools, and with what is no tool", () => {
    const problemsOf = (...prices: unknown[]) => {
      const parsed = parsePrices(prices, "prices", OPTIONS);
      return parsed.ok ? [] : parsed.problems.map(({ path, reason }) => [path, reason]);
    };
    const fetch = { match: "POST /mcp", tool: "fetch", cost: 1 };
    assert.deepEqual(problemsOf(fetch, { match: "POST /mcp", free: true }), [
      ["prices[1].free", "a batch of calls (a JSON array) names no tool, and would be free"],
    ]);
    assert.deepEqual(problemsOf(fetch, { match: "POST /other", free: true }), []);
    const where = (unpriced: "free" | "refuse", ...others: object[]) => {
      const parsed = parsePrices([fetch, ...others], "prices", { ...OPTIONS, unpriced });
      return parsed.ok ? [] : parsed.problems.map(({ path, reason }) => [path, reason]);
    };
    assert.deepEqual(where("free", { match: "POST /mcp", tool: "*", cost: 2 }), [
      ["prices[0].tool", "a batch of calls (a JSON array) names no tool, and would be free"],
    ]);
    assert.equal(where("free", { match: "POST /mcp", plan: "growth", cost: 2 }).length, 1);
    assert.deepEqual(where("free", { match: "POST /mcp", cost: 2 }), []);
    assert.deepEqual(where("refuse"), []);
    for (const tool of [[], ["fetch", "*"], 3, ""])
      assert.equal(problemsOf({ ...fetch, tool })[0]?.[0], "prices[0].tool");
    assert.match(problemsOf(fetch, fetch)[0]?.[1] ?? "", /the match and conditions/);
  });
});
