import assert from "node:assert/strict";
import { test } from "node:test";
import { createExportLinks } from "./export-links.ts";

const SECRET = Buffer.alloc(32, 7);
const PATH = "/v1/credits/exports/019a1b2c-3d4e-7f50-8a9b-0c1d2e3f4a5b/files/json/part-00000.jsonl.gz";
const ACCOUNT = { accountId: "acc_1a2B3c", shard: 3 };

let nowMs = Date.parse("2026-08-01T00:00:00Z");
const links = createExportLinks(SECRET, 60, () => nowMs);

function sign(): { readonly path: string; readonly link: string; readonly expiresMs: number } {
  const { link: url, expiresMs } = links.sign(PATH, ACCOUNT);
  const [path = "", query = ""] = url.split("?");
  return { path, link: query.slice("link=".length), expiresMs };
}

test("a link tells whose file it is until it expires", () => {
  const { path, link, expiresMs } = sign();
  assert.equal(path, PATH);
  assert.equal(expiresMs, nowMs + 60_000);
  nowMs = expiresMs - 1;
  assert.deepEqual(links.verify(path, link), ACCOUNT);
  nowMs = expiresMs;
  assert.equal(links.verify(path, link), "expired");
});

test("a link with any character changed, left out or added is no link", () => {
  const { path, link } = sign();
  for (let index = 0; index < link.length; index += 1) {
    for (const letter of ["A", "0", "-", "."]) {
      if (link[index] === letter) continue;
      const changed = `${link.slice(0, index)}${letter}${link.slice(index + 1)}`;
      assert.equal(links.verify(path, changed), "invalid", changed);
    }
    assert.equal(links.verify(path, link.slice(0, index) + link.slice(index + 1)), "invalid");
  }
  assert.equal(links.verify(path, `${link}A`), "invalid");
  assert.equal(links.verify(path, ""), "invalid");
  assert.equal(links.verify(PATH.replace("00000", "00001"), link), "invalid");
  const others = createExportLinks(Buffer.alloc(32, 8), 60, () => nowMs);
  assert.equal(others.verify(path, link), "invalid");
});
