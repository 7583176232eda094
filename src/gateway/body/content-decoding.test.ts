import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { decodeBody } from "./content-decoding.ts";

const BODY = Buffer.from(JSON.stringify({ data: Array.from({ length: 50 }, (_, id) => ({ id })) }));
const LIMIT = 1_000_000;

describe("decodeBody", () => {
  it("decodes one coding", async () => {
    assert.deepEqual(await decodeBody(gzipSync(BODY), "gzip", LIMIT), BODY);
    assert.deepEqual(await decodeBody(gzipSync(BODY), "x-gzip", LIMIT), BODY);
    assert.deepEqual(await decodeBody(deflateSync(BODY), "deflate", LIMIT), BODY);
    assert.deepEqual(await decodeBody(brotliCompressSync(BODY), "br", LIMIT), BODY);
  });

  it("refuses two codings and unknown ones", async () => {
    assert.equal(await decodeBody(gzipSync(gzipSync(BODY)), "gzip, gzip", LIMIT), undefined);
    assert.equal(await decodeBody(BODY, "compress", LIMIT), undefined);
  });

  it("refuses broken and truncated data", async () => {
    assert.equal(await decodeBody(BODY, "gzip", LIMIT), undefined);
    assert.equal(await decodeBody(gzipSync(BODY).subarray(0, 40), "gzip", LIMIT), undefined);
    assert.equal(await decodeBody(brotliCompressSync(BODY).subarray(0, 20), "br", LIMIT), undefined);
  });

  it("stops at the absolute cap and at the ratio cap", async () => {
    const bomb = brotliCompressSync(Buffer.alloc(100_000_000));
    assert.ok(bomb.length < 200);
    assert.equal(await decodeBody(bomb, "br", 1_000_000_000), undefined);
    assert.equal(await decodeBody(gzipSync(BODY), "gzip", BODY.length - 1), undefined);
  });
});
