import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseTarget } from "./request-path.ts";

const SAFE_CHARS = "abcXYZ019-_.~!$&'()*,=:@+ é%/?#\\;\"<>{}|^`".split("");
const segment = fc
  .array(fc.constantFrom(...SAFE_CHARS), { minLength: 1, maxLength: 8 })
  .map((chars) => encodeURIComponent(chars.join("")));
const target = fc.oneof(
  fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`),
  fc.string({ unit: "binary-ascii", maxLength: 30, size: "max" }).map((text) => `/${text}`),
  fc
    .array(fc.constantFrom("/", ".", "..", "%2e", "%2F", "%5c", "a", "%41", "//", "?", "%", "%zz", ";"), {
      maxLength: 8,
    })
    .map((parts) => `/${parts.join("")}`),
);

describe("parseTarget", () => {
  it("is idempotent: a normalised path is its own normal form", () => {
    fc.assert(
      fc.property(target, (text) => {
        const first = parseTarget(text);
        if ("reason" in first) return;
        assert.deepEqual(parseTarget(first.path + first.query), first);
      }),
      { numRuns: 2000 },
    );
  });

  it("forwards what it matched: an upstream that decodes the path sees the segments we saw", () => {
    fc.assert(
      fc.property(target, (text) => {
        const parsed = parseTarget(text);
        if ("reason" in parsed) return;
        const raw = text.split("?", 1)[0] ?? "";
        assert.deepEqual(
          parsed.path.split("/").map(decodeURIComponent),
          raw.split("/").map(decodeURIComponent),
        );
        assert.equal(new URL(parsed.path, "http://host").pathname.split("/").length, raw.split("/").length);
      }),
      { numRuns: 2000 },
    );
  });

  it("never lets a path through whose decoded form holds a slash, backslash, control byte or dot segment", () => {
    fc.assert(
      fc.property(target, (text) => {
        const parsed = parseTarget(text);
        if ("reason" in parsed) return;
        for (const part of parsed.path.split("/").slice(1)) {
          const decoded = decodeURIComponent(part);
          // eslint-disable-next-line no-control-regex
          assert.doesNotMatch(decoded, /[\u0000-\u001f\u007f\\/]/u);
          assert.notEqual(decoded, ".");
          assert.notEqual(decoded, "..");
        }
      }),
      { numRuns: 2000 },
    );
  });

  const normal: [string, string, string][] = [
    ["/", "/", ""],
    ["/v1/leads", "/v1/leads", ""],
    ["/v1/leads/", "/v1/leads/", ""],
    ["/v1/%6Ceads", "/v1/leads", ""],
    ["/v1/%7euser", "/v1/~user", ""],
    ["/a%3ab%40c", "/a:b@c", ""],
    ["/caf%c3%a9", "/caf%C3%A9", ""],
    ["/a b".replace(" ", "%20"), "/a%20b", ""],
    ["/a|b", "/a%7Cb", ""],
    ["/a+b", "/a+b", ""],
    ["/a%2bb", "/a%2Bb", ""],
    ["/a%3bb", "/a%3Bb", ""],
    ["/...", "/...", ""],
    ["/.well-known/x", "/.well-known/x", ""],
    ["/x?y=//z/../%2f\\", "/x", "?y=//z/../%2f\\"],
    ["/x?", "/x", "?"],
  ];
  for (const [input, path, query] of normal) {
    it(`${input} is ${path}`, () => {
      assert.deepEqual(parseTarget(input), { path, query });
    });
  }

  const refused: [string, RegExp][] = [
    ["http://evil/x", /not a path/],
    ["*", /not a path/],
    ["", /not a path/],
    ["//evil/x", /empty segment/],
    ["/a//b", /empty segment/],
    ["/a//", /empty segment/],
    ["/a/../b", /dot segment/],
    ["/a/.", /dot segment/],
    ["/%2e%2E/b", /dot segment/],
    ["/.%2e", /dot segment/],
    ["/a%2fb", /encoded slash/],
    ["/a%5Cb", /encoded backslash/],
    ["/a\\b", /backslash/],
    ["/a%00", /encoded control byte/],
    ["/a%0d%0a", /encoded control byte/],
    ["/a%7f", /encoded control byte/],
    ["/a%c0%af", /not UTF-8/],
    ["/a%ff", /not UTF-8/],
    ["/a%", /broken/],
    ["/a%4", /broken/],
    ["/a%+1", /broken/],
    ["/a#b", /fragment/],
    ["/a?b#c", /must be encoded/],
    ["/a;b", /matrix/],
    ["/caf\u00e9", /must be encoded/],
    ["/a?\u00e9", /must be encoded/],
    ["/a b", /must be encoded/],
  ];
  for (const [input, reason] of refused) {
    it(`${JSON.stringify(input)} is refused`, () => {
      const parsed = parseTarget(input);
      assert.ok("reason" in parsed, JSON.stringify(parsed));
      assert.match(parsed.reason, reason);
    });
  }
});
