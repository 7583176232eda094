import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { headersOfExtendedBody, readResponseHead, withLength } from "./response-headers.ts";

const OWN = new Set(["credits-charged", "x-credits-remaining"]);

function read(raw: string[], countHeader?: string) {
  const head = readResponseHead(
    raw.map((text) => Buffer.from(text, "latin1")),
    OWN,
    20,
    { countHeader },
  );
  assert.ok(!("reason" in head), JSON.stringify(head));
  return head;
}

describe("readResponseHead", () => {
  it("keeps order, spelling, repeats and bytes", () => {
    const raw = ["X-b", "1", "Set-Cookie", "a=1", "set-cookie", "b=2", "X-Latin", "caf\u00e9", "Date", "d"];
    assert.deepEqual(read(raw).headers, raw);
  });

  it("removes hop-by-hop headers, those that Connection names, forged credit headers and our own", () => {
    const raw = [
      "Connection",
      "close, X-Hop",
      "X-Hop",
      "1",
      "Keep-Alive",
      "timeout=5",
      "Transfer-Encoding",
      "chunked",
    ];
    raw.push("Trailer", "X-T", "X-Credits-Remaining", "999", "CREDITS-CHARGED", "0", "X-Farebox-Units", "1");
    raw.push("X-Request-Id", "theirs", "Idempotency-Replayed", "true", "X-Kept", "1");
    assert.deepEqual(read(raw).headers, ["X-Kept", "1"]);
  });

  it("takes hidden headers away in any letter case, after they were read", () => {
    const raw = ["X-COUNT", "7", "X-Live", "1", "X-Cost", "3", "X-Kept", "1", "Content-Length", "5"];
    const head = readResponseHead(raw, OWN, 20, {
      countHeader: "x-count",
      read: new Set(["x-live"]),
      hidden: new Set(["x-count", "x-live", "x-cost", "content-length"]),
    });
    assert.ok(!("reason" in head));
    // A length frames the body: it can be no secret.
    assert.deepEqual(head.headers, ["X-Kept", "1", "Content-Length", "5"]);
    assert.deepEqual([head.countHeader, head.readHeaders?.get("x-live")], ["7", "1"]);
  });

  it("reads length, type, coding, cache control and the count", () => {
    const head = read(
      [
        "Content-Length",
        "5",
        "Content-Type",
        "a/b",
        "Content-Encoding",
        "GZIP",
        "Cache-Control",
        "x",
        "X-Count",
        "7",
      ],
      "x-count",
    );
    assert.equal(head.length, 5);
    assert.equal(head.contentType, "a/b");
    assert.equal(head.contentEncoding, "gzip");
    assert.equal(head.hasCacheControl, true);
    assert.equal(head.countHeader, "7");
    assert.equal(read(["Content-Encoding", "identity"]).contentEncoding, undefined);
    assert.equal(read(["Content-Encoding", "gzip", "content-encoding", "br"]).contentEncoding, "gzip, br");
  });

  it("refuses two lengths, a length that is no number and too many headers", () => {
    const cases = [
      ["Content-Length", "5", "content-length", "5"],
      ["Content-Length", "5, 5"],
      Array(42).fill("x"),
    ];
    for (const raw of cases) assert.ok("reason" in readResponseHead(raw, OWN, 20, undefined));
  });
});

it("withLength replaces the length where it stands, or adds it", () => {
  assert.deepEqual(withLength(["content-Length", "5", "X", "1"], 7), ["content-Length", "7", "X", "1"]);
  assert.deepEqual(withLength(["X", "1"], 7), ["X", "1", "Content-Length", "7"]);
});

it("headersOfExtendedBody drops digests and codings and weakens a strong ETag", () => {
  assert.deepEqual(
    headersOfExtendedBody([
      "ETag",
      '"a"',
      "Digest",
      "d",
      "X",
      "1",
      "content-encoding",
      "gzip",
      "Content-MD5",
      "m",
    ]),
    ["ETag", 'W/"a"', "X", "1"],
  );
  assert.deepEqual(headersOfExtendedBody(["etag", 'W/"a"']), ["etag", 'W/"a"']);
});
