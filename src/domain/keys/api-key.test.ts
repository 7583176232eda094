import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import {
  API_KEY_RANDOM_BYTES,
  apiKeyHint,
  formatApiKey,
  isApiKeyPrefix,
  isWellFormedApiKey,
} from "./api-key.ts";
import { crc32 } from "./crc32.ts";

const randomBytes = fc.uint8Array({ minLength: API_KEY_RANDOM_BYTES, maxLength: API_KEY_RANDOM_BYTES });
const prefix = fc.constantFrom("fbx", "acme_live", "a", "k9");
const key = fc.tuple(prefix, randomBytes).map(([before, bytes]) => formatApiKey(before, bytes));

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. \u0130";

describe("an API key", () => {
  it("has prefix, 30 random characters and 6 of checksum", () => {
    assert.equal(formatApiKey("fbx", new Uint8Array(API_KEY_RANDOM_BYTES)), `fbx_${"0".repeat(30)}4JStVU`);
    fc.assert(fc.property(key, (text) => assert.match(text, /^[a-z0-9_]+_[0-9A-Za-z]{36}$/)));
  });

  it("is well formed, under its own prefix only", () => {
    fc.assert(
      fc.property(key, (text) => {
        assert.ok(isWellFormedApiKey(text));
        assert.ok(isWellFormedApiKey(text, text.slice(0, -37)));
        assert.ok(!isWellFormedApiKey(text, "other"));
      }),
    );
  });

  it("is not well formed when any one character is another", () => {
    fc.assert(
      fc.property(key, (text) => {
        for (let index = 0; index < text.length; index++) {
          for (const character of ALPHABET) {
            if (character === text[index]) continue;
            const changed = text.slice(0, index) + character + text.slice(index + 1);
            assert.ok(!isWellFormedApiKey(changed), changed);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it("is not well formed when two neighbours are swapped, or a character is lost or added", () => {
    fc.assert(
      fc.property(key, (text) => {
        for (let index = 0; index < text.length; index++) {
          assert.ok(!isWellFormedApiKey(text.slice(0, index) + text.slice(index + 1)));
          assert.ok(!isWellFormedApiKey(`${text.slice(0, index)}x${text.slice(index)}`));
          const [one = "", other = ""] = text.slice(index, index + 2);
          if (one === other || other === "") continue;
          assert.ok(!isWellFormedApiKey(text.slice(0, index) + other + one + text.slice(index + 2)));
        }
      }),
    );
  });

  it("is never made up by chance, and no text breaks the check", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80, size: "max" }), (text) => assert.ok(!isWellFormedApiKey(text))),
    );
    assert.ok(!isWellFormedApiKey("a".repeat(1_000_000)));
    assert.ok(!isWellFormedApiKey(`${formatApiKey("fbx", new Uint8Array(API_KEY_RANDOM_BYTES))}\n`));
  });

  it("shows its prefix and last four characters as the hint", () => {
    assert.equal(apiKeyHint(formatApiKey("acme_live", new Uint8Array(API_KEY_RANDOM_BYTES))).length, 17);
    assert.match(
      apiKeyHint(formatApiKey("acme_live", new Uint8Array(API_KEY_RANDOM_BYTES))),
      /^acme_live_\.\.\.\w{4}$/,
    );
  });

  it("refuses a prefix that would make keys unreadable", () => {
    for (const text of ["", "FBX", "9a", "a__b", "_a", "a_", "a-b", "a".repeat(17), "a_b_c", 7]) {
      assert.ok(!isApiKeyPrefix(text), String(text));
    }
    assert.throws(() => formatApiKey("F", new Uint8Array(64)), RangeError);
    assert.throws(() => formatApiKey("f", new Uint8Array(8)), RangeError);
  });
});

describe("crc32", () => {
  it("is 0xCBF43926 for 123456789", () => {
    assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  });

  it("is what zlib computes", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.equal(crc32(bytes), zlibCrc32(bytes))));
  });
});
