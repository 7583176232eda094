import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { isDecodable, narrowAcceptEncoding } from "./content-decoding.ts";
import { type DecodedBody, DecodingScan } from "./decoding-scan.ts";
import { BodyScan } from "./json-splice.ts";

const BODY = Buffer.from(JSON.stringify({ data: Array.from({ length: 50 }, (_, id) => ({ id })) }));
const CODINGS: readonly (readonly [string, string, (body: Buffer) => Buffer])[] = [
  ["gzip", "gzip", gzipSync],
  ["x-gzip", "x-gzip", gzipSync],
  ["deflate", "deflate", deflateSync],
  ["deflate without its frame", "deflate", deflateRawSync],
  ["br", "br", brotliCompressSync],
  ["zstd", "zstd", zstdCompressSync],
];

async function read(coding: string, pieces: readonly Buffer[], keepBytes = 0): Promise<DecodedBody> {
  const scan = new DecodingScan(coding, new BodyScan(["data"], ["usage"]), keepBytes);
  for (const piece of pieces) await scan.write(piece);
  return scan.end();
}

function bytewise(body: Buffer): Buffer[] {
  return Array.from(body, (_byte, at) => body.subarray(at, at + 1));
}

describe("a scan of a coded body", () => {
  for (const [name, coding, encode] of CODINGS) {
    describe(name, () => {
      const coded = encode(BODY);

      it("counts and finds what the plain body has, whole and byte by byte", async () => {
        assert.ok(isDecodable(coding));
        for (const pieces of [[coded], bytewise(coded)]) {
          const found = await read(coding, pieces, BODY.length);
          assert.ok(found.kind === "complete");
          assert.equal(found.count, 50);
          assert.deepEqual(found.plain, BODY);
          assert.equal(found.splice?.from, BODY.length - 1);
        }
      });

      it("keeps nothing that it need not keep, and counts it all the same", async () => {
        for (const keepBytes of [0, BODY.length - 1]) {
          const found = await read(coding, [coded], keepBytes);
          assert.ok(found.kind === "complete");
          assert.deepEqual([found.count, found.plain], [50, undefined]);
        }
      });

      it("knows what is cut, what is no such coding, and what lies behind its end", async () => {
        const broken: Buffer[][] = [
          [coded.subarray(0, -1)],
          [coded.subarray(0, 9)],
          [BODY],
          [coded, Buffer.from("behind")],
        ];
        for (const pieces of broken) assert.deepEqual(await read(coding, pieces), { kind: "broken" });
      });

      it("stops at the ratio", async () => {
        const bomb = encode(Buffer.alloc(4_000_000, " "));
        assert.deepEqual(await read(coding, [bomb]), { kind: "over" });
      });
    });
  }

  it("reads a body in several members to its end, as clients do", async () => {
    const halves = [gzipSync(BODY.subarray(0, 30)), gzipSync(BODY.subarray(30))];
    const both = await read("gzip", halves);
    assert.ok(both.kind === "complete");
    assert.equal(both.count, 50);
  });

  it("takes a body without a byte for an empty one", async () => {
    const empty = await read("gzip", []);
    assert.ok(empty.kind === "complete");
    assert.equal(empty.count, undefined);
  });

  it("one that is stopped ends, also while it is behind", async () => {
    const scan = new DecodingScan("gzip", new BodyScan(["data"], []), 0);
    const waits = scan.write(gzipSync(randomBytes(100_000)));
    assert.ok(waits instanceof Promise);
    scan.stop();
    await waits;
    assert.deepEqual(await scan.end(), { kind: "broken" });
  });

  it("reads one coding only", () => {
    for (const coding of ["gzip, gzip", "compress", "dcb", "identity", ""]) assert.ok(!isDecodable(coding));
  });
});

describe("the codings that the upstream is offered", () => {
  const offers: [string | undefined, string][] = [
    [undefined, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "gzip, deflate, br, zstd"],
    ["GZip;q=0.5 , br; q=1.0", "GZip;q=0.5, br; q=1.0"],
    ["compress, dcb, dcz, br", "br"],
    ["*", "identity"],
    ["gzip, *;q=0.1", "gzip"],
    ["gzip, *;q=0", "gzip, *;q=0"],
    ["identity;q=0, gzip", "identity;q=0, gzip"],
    ["compress", "identity"],
    ["gzip;q=2, gzip;level=9, br", "br"],
  ];
  for (const [accepted, offered] of offers) {
    it(`of ${JSON.stringify(accepted)} are ${offered}`, () => {
      assert.equal(narrowAcceptEncoding(accepted), offered);
    });
  }
});
