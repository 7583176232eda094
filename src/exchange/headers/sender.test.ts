import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { AddressRanges } from "../../domain/addresses.ts";
import { parseForwarded } from "./forwarded.ts";
import { type ProxyHeader, readSender } from "./sender.ts";

const PROXIES = new AddressRanges(["10.0.0.0/8", "2001:db8:ff::/48"]);
const PEER = "10.0.0.1";

function read(headers: Readonly<Record<string, string>>, chosen?: ProxyHeader) {
  return readSender((name) => headers[name], PEER, PROXIES, chosen);
}

describe("who sent a request through a trusted proxy", () => {
  const cases: readonly (readonly [
    name: string,
    headers: Readonly<Record<string, string>>,
    address: string,
    chain: string,
  ])[] = [
    ["the address it appended", { "x-forwarded-for": "192.0.2.7" }, "192.0.2.7", "192.0.2.7, 10.0.0.1"],
    [
      "the last one that is none of ours; what is before it is only claimed",
      { "x-forwarded-for": "1.1.1.1, 192.0.2.7, 10.0.0.2" },
      "192.0.2.7",
      "192.0.2.7, 10.0.0.2, 10.0.0.1",
    ],
    [
      "with a port, in brackets, as IPv4 on IPv6",
      { "x-forwarded-for": "[2001:db8:1::5]:443,::ffff:10.0.0.9 , 10.0.0.2:80" },
      "2001:db8:1::5",
      "2001:db8:1::5, 10.0.0.9, 10.0.0.2, 10.0.0.1",
    ],
    ["nobody that it names", { "x-forwarded-for": "unknown" }, PEER, PEER],
    ["no address", { "x-forwarded-for": "192.0.2.7, 010.1.1.1" }, PEER, PEER],
    ["nothing", {}, PEER, PEER],
    ["all of them ours", { "x-forwarded-for": "10.0.0.3" }, "10.0.0.3", "10.0.0.3, 10.0.0.1"],
    [
      "as RFC 7239 has it",
      { forwarded: 'for=1.1.1.1, For="[2001:db8::9]:8080";proto=https, for=10.0.0.2;by=_hidden' },
      "2001:db8::9",
      "2001:db8::9, 10.0.0.2, 10.0.0.1",
    ],
    ["hidden", { forwarded: "for=_secret" }, PEER, PEER],
    [
      "the same by both",
      { forwarded: "for=192.0.2.7, for=10.0.0.2", "x-forwarded-for": "192.0.2.7" },
      "192.0.2.7",
      "192.0.2.7, 10.0.0.1",
    ],
  ];
  for (const [name, headers, address, chain] of cases) {
    it(name, () => assert.partialDeepStrictEqual(read(headers), { address, chain }));
  }

  it("different clients by the two headers are refused, unless one is chosen", () => {
    const headers = { forwarded: "for=192.0.2.8", "x-forwarded-for": "192.0.2.7" };
    assert.deepEqual(read(headers), {
      reason: "headers x-forwarded-for and forwarded name different clients",
    });
    assert.partialDeepStrictEqual(read(headers, "forwarded"), { address: "192.0.2.8" });
    assert.partialDeepStrictEqual(read(headers, "x-forwarded-for"), { address: "192.0.2.7" });
  });

  it("scheme and host are those that the client used", () => {
    const listed = { "x-forwarded-for": "192.0.2.7" };
    for (const [headers, proto, host] of [
      [
        { ...listed, "x-forwarded-proto": "HTTPS", "x-forwarded-host": "api.example" },
        "https",
        "api.example",
      ],
      [{ ...listed, "x-forwarded-proto": "https, http", "x-forwarded-host": "a, b:80" }, "http", "b:80"],
      [{ ...listed, "x-forwarded-proto": "ws", "x-forwarded-host": "a b" }, undefined, undefined],
      [{ "x-forwarded-proto": "https" }, "https", undefined],
      [
        {
          forwarded: 'for=192.0.2.7;proto=https;host="api.example:8443", for=10.0.0.2;proto=http;host=inner',
        },
        "https",
        "api.example:8443",
      ],
      [{ forwarded: "for=unknown;proto=https" }, "https", undefined],
      [{ forwarded: "for=1.1.1.1;proto=https, for=192.0.2.7;proto=http" }, "http", undefined],
    ] as const) {
      const sender = read(headers);
      assert.ok("address" in sender);
      assert.deepEqual([sender.proto, sender.host], [proto, host], JSON.stringify(headers));
    }
  });
});

test("what RFC 7239 does not allow is no Forwarded header", () => {
  for (const text of [
    "",
    "for",
    "for=",
    "for=a;;proto=b",
    "for=a,",
    "for=a for=b",
    "for=a;for=b",
    'for="a',
    'for="a"b',
    "for=[2001:db8::1]",
    "=a",
    Array(51).fill("for=a").join(","),
  ]) {
    assert.equal(parseForwarded(text), undefined, text);
    assert.deepEqual(
      text === "" ? undefined : Object.keys(read({ forwarded: text })),
      text === "" ? undefined : ["reason"],
    );
  }
  assert.deepEqual(parseForwarded('FOR="a\\"b" ; proto=http ,  by=c'), [
    { for: 'a"b', proto: "http", host: undefined },
    { for: undefined, proto: undefined, host: undefined },
  ]);
});
