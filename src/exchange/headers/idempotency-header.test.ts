import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { beginRequestHash, MAX_IDEMPOTENCY_KEY_LENGTH, parseIdempotencyKey } from "./idempotency-header.ts";

describe("parseIdempotencyKey", () => {
  const cases: [string, string | undefined][] = [
    ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    ["", undefined],
    ['""', undefined],
    ['"a', undefined],
    ['"a";p=1', undefined],
    ['"a", "b"', undefined],
    ["a, b", undefined],
    ["a b", undefined],
    ["caf\u00e9", undefined],
    ['"a\\b"', undefined],
    ["x".repeat(MAX_IDEMPOTENCY_KEY_LENGTH), "x".repeat(MAX_IDEMPOTENCY_KEY_LENGTH)],
    ["x".repeat(MAX_IDEMPOTENCY_KEY_LENGTH + 1), undefined],
  ];
  for (const [header, key] of cases) {
    it(`${header.slice(0, 50)} is ${String(key).slice(0, 50)}`, () => {
      assert.equal(parseIdempotencyKey(header), key);
    });
  }

  it("reads back every printable string in its quoted form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 100, size: "max" }), (key) => {
        assert.equal(parseIdempotencyKey(`"${key.replaceAll(/["\\]/g, "\\$&")}"`), key);
      }),
    );
  });
});

function hashRequest(method: string, url: string, type: string | undefined, body: Buffer): string {
  return beginRequestHash(method, url, type).update(body).digest("hex");
}

describe("a request's fingerprint", () => {
  it("differs when any part differs, also where parts could run into one another", () => {
    const body = Buffer.from("b");
    const hashes = [
      hashRequest("POST", "/a", "t", body),
      hashRequest("PUT", "/a", "t", body),
      hashRequest("POST", "/a?x", "t", body),
      hashRequest("POST", "/a", "u", body),
      hashRequest("POST", "/a", undefined, body),
      hashRequest("POST", "/a", "t", Buffer.from("c")),
      hashRequest("POST", "/a", "t\nb", Buffer.alloc(0)),
      hashRequest("POST", "/a 1", "t", body),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
    assert.equal(hashRequest("POST", "/a", "t", body), hashes[0]);
  });
});
