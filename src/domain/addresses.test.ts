import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressRanges, isAddress, parseAddressRange, plainAddress } from "./addresses.ts";

test("a range is an address with or without a prefix, of either version", () => {
  for (const [text, prefix, family] of [
    ["10.0.0.0/8", 8, "ipv4"],
    ["10.1.2.3", 32, "ipv4"],
    ["0.0.0.0/0", 0, "ipv4"],
    ["2001:db8::/32", 32, "ipv6"],
    ["::1", 128, "ipv6"],
  ] as const) {
    assert.partialDeepStrictEqual(parseAddressRange(text), { prefix, family }, text);
  }
});

test("everything else is none", () => {
  for (const text of [
    "",
    "10.0.0.0/33",
    "2001:db8::/129",
    "10.0.0/8",
    "010.0.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    " 10.0.0.0/8",
    "fe80::1%eth0",
    "::ffff:10.0.0.0/104",
    "localhost",
    "*",
  ]) {
    assert.equal(parseAddressRange(text), undefined, text);
    assert.ok(!new AddressRanges([text]).includes("10.0.0.1"), text);
  }
});

test("an IPv4 address on an IPv6 socket is that address", () => {
  assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("::FFFF:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("2001:db8::ffff"), "2001:db8::ffff");
  assert.ok(isAddress("2001:db8::1") && !isAddress("10.0.0.1:80") && !isAddress("fe80::1%eth0"));
});

test("a range of one version holds no address of the other", () => {
  assert.ok(!new AddressRanges(["::/0"]).includes("10.0.0.1"));
  assert.ok(!new AddressRanges(["0.0.0.0/0"]).includes("2001:db8::1"));
  assert.ok(!new AddressRanges(["0.0.0.0/0", "::/0"]).includes("nobody"));
  assert.ok(!new AddressRanges([]).includes("10.0.0.1"));
});

test("an IPv4 address is in a range when their first bits are the same", () => {
  const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(
      address,
      address,
      fc.integer({ min: 0, max: 32 }),
      fc.boolean(),
      (base, other, prefix, near) => {
        // Two addresses drawn by themselves share no more than a few bits.
        const asked = near ? (base ^ (other >>> prefix)) >>> 0 : other;
        const bits = (number: number): string => number.toString(2).padStart(32, "0").slice(0, prefix);
        const text = (number: number): string => [24, 16, 8, 0].map((at) => (number >>> at) & 255).join(".");
        const ranges = new AddressRanges([`${text(base)}/${prefix}`]);
        return ranges.includes(text(asked)) === (bits(base) === bits(asked));
      },
    ),
  );
});
