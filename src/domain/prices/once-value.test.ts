import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../json/canonical-json.ts";
import { fieldsOfValue } from "./field-value.ts";
import { MAX_ONCE_VALUE_LENGTH, readOnceValue } from "./once-value.ts";
import { parsePrices } from "./parse-prices.ts";
import type { RequestFacts } from "./price.ts";

function valueOf(
  key: unknown,
  { body, ...facts }: Partial<Omit<RequestFacts, "body">> & { readonly body?: unknown },
): string | undefined {
  const once = key === undefined ? undefined : { key, within: "24h" };
  const parsed = parsePrices([{ match: "GET /a/{id}", cost: 1, once }], "prices", {
    creditTypes: ["credits"],
  });
  assert.ok(parsed.ok && parsed.value[0] !== undefined);
  return readOnceValue(parsed.value[0], {
    method: "GET",
    path: "/a/1",
    pathParams: {},
    query: new URLSearchParams(),
    header: () => undefined,
    body: fieldsOfValue(body),
    ...facts,
  });
}

describe("readOnceValue", () => {
  it("is one text for one value, wherever it stands", () => {
    const texts = [
      valueOf("/ip", { body: { ip: "10.0.0.1" } }),
      valueOf({ query: "ip" }, { query: new URLSearchParams("ip=10.0.0.1") }),
      valueOf({ header: "x-ip" }, { header: () => "10.0.0.1" }),
      valueOf({ path: "id" }, { pathParams: { id: "10.0.0.1" } }),
    ];
    assert.deepEqual(
      texts,
      Array.from({ length: 4 }, () => '"10.0.0.1"'),
    );
  });

  it("does not depend on the order of members", () => {
    const one = valueOf("", { body: { b: [1, { d: null, c: 2 }], a: 1 } });
    assert.equal(one, valueOf("", { body: { a: 1, b: [1, { c: 2, d: null }] } }));
    assert.equal(one, '{"a":1,"b":[1,{"c":2,"d":null}]}');
  });

  it("opens no window without a price that has one, a field, or a value", () => {
    assert.equal(valueOf(undefined, { body: { ip: "1" } }), undefined);
    assert.equal(valueOf("/ip", { body: {} }), undefined);
    assert.equal(valueOf("/ip", { body: { ip: null } }), undefined);
    assert.equal(valueOf("/ip", {}), undefined);
  });

  it("opens no window for a value that no index holds", () => {
    assert.equal(valueOf("/v", { body: { v: "x".repeat(MAX_ONCE_VALUE_LENGTH - 1) } }), undefined);
    const longest = valueOf("/v", { body: { v: "\u20ac".repeat(MAX_ONCE_VALUE_LENGTH - 2) } });
    assert.ok(longest !== undefined && Buffer.byteLength(longest) < 2000);
  });

  it("tells different values apart: the text says the whole value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        assert.deepEqual(JSON.parse(canonicalJson(value)), plain);
      }),
    );
  });

  it("is one text for equal values, and text that a database keeps", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        assert.equal(canonicalJson(reversed(value)), text);
        assert.ok(!text.includes("\u0000") && text.isWellFormed());
      }),
    );
  });
});

/** The same value with the members of its objects the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => reversed(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, reversed(member)] as const);
  return Object.fromEntries(members.reverse());
}
