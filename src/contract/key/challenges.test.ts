import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { challengesOf } from "./challenges.ts";

describe("the challenges of a 401", () => {
  const of = (sources: Parameters<typeof challengesOf>[0], code: "key_missing" | "key_invalid"): string => {
    const [header, ...more] = challengesOf(sources, code);
    assert.deepEqual([header?.[0], more.length], ["WWW-Authenticate", 0]);
    return header?.[1] ?? "";
  };

  it("name every place in which a key may stand", () => {
    const sources = [
      { header: "Authorization", schemes: ["Bearer", "Token"] },
      { header: "x-api-key" },
      { query: "api_key" },
      { header: "Authorization", basic: "user" as const },
    ];
    assert.equal(
      of(sources, "key_missing"),
      'Bearer realm="api", Token realm="api", ApiKey realm="api", in="header", name="x-api-key", ApiKey realm="api", in="query", name="api_key"',
    );
    assert.match(
      of(sources, "key_invalid"),
      /^Bearer realm="api", error="invalid_token", Token realm="api", /,
    );
  });

  it("name Basic where nothing else is read: browsers ask for a password when they see it", () => {
    assert.equal(
      of([{ header: "Authorization", basic: "user" }], "key_invalid"),
      'Basic realm="api", charset="UTF-8"',
    );
  });
});
