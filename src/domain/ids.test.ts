import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { base62, base62Bytes, base62Number } from "./base62.ts";
import {
  formatId,
  formatUuidV7,
  ID_RANDOM_BYTES,
  parseChargeId,
  readUuidV7Time,
  renderChargeId,
} from "./ids.ts";

const idBytes = fc.uint8Array({ minLength: ID_RANDOM_BYTES, maxLength: ID_RANDOM_BYTES });

describe("base62", () => {
  it("writes numbers with digits, capitals, small letters", () => {
    assert.equal(base62Number(0n, 3), "000");
    assert.equal(base62Number(61n, 1), "z");
    assert.equal(base62Number(62n ** 3n - 1n, 3), "zzz");
    assert.equal(base62Number(62n, 2), "10");
  });

  it("is even: every character is as likely as any other", () => {
    // One byte more than 8 of slack, run through all its values, moves the result through whole cycles of 62: counts
    // differ only by the remainder. A generator of known numbers stands in for randomness, so the test cannot flake.
    const counts = new Map<string, number>();
    let state = 12345n;
    const bytes = new Uint8Array(base62Bytes(16));
    for (let round = 0; round < 4000; round++) {
      for (let index = 0; index < bytes.length; index++) {
        state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
        bytes[index] = Number(state >> 56n);
      }
      for (const character of base62(bytes, 16)) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    assert.equal(counts.size, 62);
    const expected = (4000 * 16) / 62;
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    // 61 degrees of freedom: 1 in 10,000 even generators is above 107. Taking `byte % 62` gives more than 800.
    assert.ok(chiSquare < 107, `chi square ${chiSquare}`);
  });

  it("wants 8 bytes more than its information", () => {
    assert.equal(base62Bytes(16), 20);
    assert.throws(() => base62(new Uint8Array(19), 16), /16 base62 characters need 20 random bytes, got 19/);
  });
});

describe("ids", () => {
  it("name their kind", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("account" as const, "key", "grant", "instance", "bulkRefund"),
        idBytes,
        (kind, bytes) => {
          const id = formatId(kind, bytes);
          assert.match(id, /^(acc|key|grt|ins|bulk)_[0-9A-Za-z]{16}$/);
        },
      ),
    );
  });
});

describe("charge ids", () => {
  it("are read back as they were rendered", () => {
    const creditType = fc.stringMatching(/^[a-z][a-z0-9_-]{0,31}$/);
    fc.assert(
      fc.property(
        idBytes,
        creditType,
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (bytes, type, seq) => {
          const charge = { accountId: formatId("account", bytes), creditType: type, seq };
          assert.deepEqual(parseChargeId(renderChargeId(charge)), charge);
        },
      ),
    );
    assert.equal(
      renderChargeId({ accountId: "acc_0123456789abcdef", creditType: "search", seq: 7 }),
      "chg_0123456789abcdef.search.7",
    );
  });

  for (const text of [
    "",
    7,
    undefined,
    "chg_0123456789abcdef.search.0",
    "chg_0123456789abcdef.search.07",
    "chg_0123456789abcdef.search.-1",
    "chg_0123456789abcdef.search.9007199254740993",
    "chg_0123456789abcdef.Search.1",
    "chg_0123456789abcdef..1",
    "chg_0123456789abcde.search.1",
    "acc_0123456789abcdef.search.1",
    "chg_0123456789abcdef.search.1\n",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseChargeId(text), undefined));
  }
});

describe("formatUuidV7", () => {
  it("writes the example of RFC 9562 appendix A.6", () => {
    // 017F22E2-79B0-7CC3-98C4-DC0C0C07398F: its random bits, with the version's and variant's bits left at any value.
    const random = Uint8Array.from([0x0c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
    assert.equal(formatUuidV7(0x017f22e279b0, random), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  });

  it("has version 7 and the variant of RFC 9562 for any bits, and orders by time", () => {
    const ms = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const bits = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(ms, ms, bits, bits, (one, other, someBits, otherBits) => {
        const uuid = formatUuidV7(one, someBits);
        assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        if (one < other) assert.ok(uuid < formatUuidV7(other, otherBits));
      }),
    );
  });

  it("refuses what is no time, and too few bits", () => {
    for (const ms of [-1, 0.5, Number.NaN, 2 ** 48])
      assert.throws(() => formatUuidV7(ms, new Uint8Array(10)), RangeError);
    assert.throws(() => formatUuidV7(0, new Uint8Array(9)), RangeError);
  });

  it("tells the time of a UUIDv7 in either case, and of nothing else", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (at, bytes) => {
          const id = formatUuidV7(at, bytes);
          assert.equal(readUuidV7Time(id), at);
          assert.equal(readUuidV7Time(id.toUpperCase()), at);
        },
      ),
    );
    for (const text of [
      "",
      "r-1",
      "01a2011d-4c22-48a9-a336-ce5d9bcd106f",
      "01a2011d-4c22-78a9-c336-ce5d9bcd106f",
    ]) {
      assert.equal(readUuidV7Time(text), undefined, text);
    }
  });
});
