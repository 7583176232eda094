import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse, problemOf, problemsOf } from "./testing/config-problems.ts";

const price = (match: string, more = "cost: 1"): string => `prices: [{ match: "${match}", ${more} }]`;

describe("what is open without a key", () => {
  for (const [open, match] of [
    ["GET /v1/*", "GET /v1/leads"],
    ["*", "GET /v1/leads"],
    ["GET /v1/{x}", "GET /V1/leads"],
    ["* /v1/leads", "GET /v1/leads"],
    ["GET /{a}/leads", "GET /v1/{x}"],
    ["GET /v1/*", "* /v1/leads"],
  ] as const) {
    it(`is no price's: ${open} beside ${match}`, () => {
      const { path, reason } = problemOf(`open: ["${open}"]\n${price(match)}`);
      assert.equal(path, "prices[0].match");
      assert.match(reason, /is priced, and open without a key/);
    });
  }

  for (const [open, match] of [
    ["GET /v1/health", "GET /v1/*"],
    ["GET /v1/leads", "* /v1/leads"],
    ["* /v1/health", "GET /v1/*"],
    ["GET /v2/*", "GET /v1/*"],
  ] as const) {
    it(`may be taken out of a wider match: ${open} of ${match}`, () => {
      assert.deepEqual(parse(`upstream: http://x\nopen: ["${open}"]\n${price(match)}`).open, [open]);
    });
  }

  it("may be free as well", () => {
    assert.equal(
      parse(`upstream: http://x\nopen: ["GET /v1/*"]\n${price("GET /v1/a", "free: true")}`).prices.length,
      1,
    );
  });
});

describe("a header that a price reads", () => {
  const reading = (header: string): string =>
    price("GET /a", `cost: 1, when: { header: "${header}", exists: true }`);

  for (const [header, why] of [
    ["authorization", "in which the contract farebox has the key"],
    ["X_API_KEY", "in which the contract farebox has the key"],
    ["connection", "which is never forwarded"],
    ["x-forwarded-for", "which is never forwarded"],
    ["x-farebox-account", "which is never forwarded"],
    ["accept-encoding", "which is never forwarded"],
    ["x-http-method-override", "which is never forwarded"],
  ] as const) {
    it(`is refused where every request with it would be: ${header}`, () => {
      const { path, reason } = problemOf(reading(header));
      assert.equal(path, "prices[0]");
      assert.equal(reason, `reads the header ${header.toLowerCase()}, ${why}`);
    });
  }

  it("is not one that every upstream's own headers replace", () => {
    const two = (second: string): string =>
      `upstream: { a: { url: http://a, host: a, headers: { X-Tier: "1" } }, b: { url: http://b${second} } }\n`;
    const [problem] = problemsOf(`${two(", headers: { x-tier: '2' }")}${reading("x-tier")}`);
    assert.equal(problem?.reason, "reads the header x-tier, which the upstream's own headers replace");
    assert.equal(parse(`${two("")}${reading("x-tier")}`).prices.length, 1);
  });

  for (const header of ["x-tier", "host", "content-length", "idempotency-key"]) {
    it(`may be ${header}`, () => {
      assert.equal(parse(`upstream: http://x\n${reading(header)}`).prices.length, 1);
    });
  }
});

describe("a match", () => {
  for (const [lines, path] of [
    ['prices: [{ match: "GET /a\\u200b", cost: 1 }]', "prices[0].match"],
    ['open: ["GET /a\\u00ad"]', "open[0]"],
    ['limits: [{ match: "GET /\\u202ea", requests: 1, per: day }]', "limits[0].match"],
  ] as const) {
    it(`has no sign that cannot be seen: ${lines}`, () => {
      const problem = problemOf(lines);
      assert.equal(problem.path, path);
      assert.match(problem.reason, /cannot be seen, U\+[0-9A-F]{4}/);
    });
  }

  it("may have letters of any script", () => {
    assert.equal(parse(`upstream: http://x\n${price("GET /компании/é")}`).prices.length, 1);
  });
});
