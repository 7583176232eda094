import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspectHead } from "./request-guard.ts";

const MAX = 10;

function inspect(rawHeaders: string[], httpVersion = "1.1") {
  return inspectHead({ rawHeaders, httpVersion }, MAX);
}

describe("inspectHead", () => {
  it("reads what the gateway needs", () => {
    const head = inspect([
      "Host",
      "a:80",
      "Content-Length",
      "5",
      "Content-Type",
      "t",
      "Connection",
      "close, X-A",
    ]);
    assert.deepEqual(head, {
      host: "a:80",
      bodyLength: 5,
      contentType: "t",
      contentEncoding: undefined,
      idempotencyKey: undefined,
      creditsMax: undefined,
      expectsContinue: false,
      connectionNames: ["close", "x-a"],
    });
    const other = inspect(["HOST", "[::1]", "Transfer-Encoding", "Chunked", "Expect", "100-Continue"]);
    assert.ok(!("reason" in other));
    assert.equal(other.bodyLength, "chunked");
    assert.equal(other.expectsContinue, true);
  });

  it("accepts HTTP/1.0 without a host", () => {
    assert.ok(!("reason" in inspect([], "1.0")));
  });

  const refused: [string, string[], string, RegExp][] = [
    ["no host", [], "1.1", /host is missing/],
    ["two hosts", ["Host", "a", "host", "a"], "1.1", /host appears/],
    ["a host with a path", ["Host", "a/b"], "1.1", /not a host/],
    ["a host with user info", ["Host", "u@a"], "1.1", /not a host/],
    ["an empty host", ["Host", ""], "1.1", /not a host/],
    [
      "two authorizations",
      ["Host", "a", "Authorization", "x", "authorization", "y"],
      "1.1",
      /authorization appears/,
    ],
    [
      "two idempotency keys",
      ["Host", "a", "Idempotency-Key", "x", "Idempotency-Key", "x"],
      "1.1",
      /idempotency-key/,
    ],
    ["two content types", ["Host", "a", "Content-Type", "x", "Content-Type", "x"], "1.1", /content-type/],
    ["gzip, chunked", ["Host", "a", "Transfer-Encoding", "gzip, chunked"], "1.1", /not chunked/],
    ["chunked on 1.0", ["Host", "a", "Transfer-Encoding", "chunked"], "1.0", /HTTP\/1.0/],
    [
      "length and chunked",
      ["Host", "a", "Content-Length", "1", "Transfer-Encoding", "chunked"],
      "1.1",
      /both/,
    ],
    ["a length with a sign", ["Host", "a", "Content-Length", "+1"], "1.1", /not a number/],
    ["an expectation", ["Host", "a", "Expect", "payment"], "1.1", /expect/],
    ["content_length", ["Host", "a", "Content_Length", "1"], "1.1", /ambiguous/],
    ["a Connection that names Host", ["Host", "a", "Connection", "host"], "1.1", /names host/],
    ["HTTP/2.0", ["Host", "a"], "2.0", /version/],
    ["HTTP/0.9", ["Host", "a"], "0.9", /version/],
    ["too many headers", ["Host", "a", ...Array(20).fill("x")], "1.1", /more than 10/],
  ];
  for (const [name, raw, version, reason] of refused) {
    it(`refuses ${name}`, () => {
      const head = inspect(raw, version);
      assert.ok("reason" in head);
      assert.match(head.reason, reason);
    });
  }
});
