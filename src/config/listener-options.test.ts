import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { FileProblem } from "../contract/file-problem.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { parseConfig } from "./load-config.ts";

const parse = (text: string) => parseConfig("farebox.yaml", text, {});

function problemsOf(text: string): readonly FileProblem[] {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof FareboxError && error.code === "config_invalid");
    return error.detail["problems"] as readonly FileProblem[];
  }
  return assert.fail("the configuration was accepted");
}

/** The one problem of a configuration that has only `upstream` and these lines. */
function problemOf(lines: string): FileProblem {
  const problems = problemsOf(`upstream: http://127.0.0.1:9000\n${lines}\n`);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  return problems[0] as FileProblem;
}

describe("pages of other origins", () => {
  it("are named by their origins", () => {
    const { cors } = parse(
      `upstream: http://127.0.0.1:9000
gateway: { cors: { origins: [https://app.example.com, "https://*.example.org", "http://localhost:3000"], maxAge: 1h } }`,
    ).gateway;
    assert.deepEqual(cors, {
      origins: ["https://app.example.com", "https://*.example.org", "http://localhost:3000"],
      credentials: false,
      exposeHeaders: [],
      maxAgeSeconds: 3_600,
    });
  });

  for (const origin of [
    "https://app.example.com/",
    "app.example.com",
    "https://App.example.com",
    "https://app.example.com:443",
    "https://*",
    "https://*.*.example.com",
    "ftp://app.example.com",
    "null",
    "",
  ]) {
    it(`${JSON.stringify(origin)} is none`, () => {
      const { path, reason } = problemOf(`gateway: { cors: { origins: [${JSON.stringify(origin)}] } }`);
      assert.equal(path, "gateway.cors.origins[0]");
      assert.match(reason, /is not an origin/);
    });
  }

  it("all of them with cookies are refused, and so is a header's name that is none", () => {
    const all = problemOf('gateway: { cors: { origins: ["*"], credentials: true } }');
    assert.equal(all.path, "gateway.cors.origins");
    assert.match(all.fix, /name the origins/);
    const name = problemOf('gateway: { cors: { origins: ["*"], exposeHeaders: ["a b"] } }');
    assert.equal(name.path, "gateway.cors.exposeHeaders[0]");
  });
});

test("a certificate's files are found from the configuration's folder", () => {
  const text =
    "upstream: http://127.0.0.1:9000\ngateway: { tls: { cert: certs/api.pem, key: /etc/api.key } }";
  assert.deepEqual(parseConfig("/srv/farebox.yaml", text).gateway.tls, {
    cert: "/srv/certs/api.pem",
    key: "/etc/api.key",
    maxStreams: 100,
  });
  const { path, fix } = problemOf("gateway: { tls: { cert: api.pem } }");
  assert.deepEqual([path, fix], ["gateway.tls.key", "write a path from this file: certs/api.pem"]);
});

test("an upstream's own authority, the gateway's certificate for it and HTTP/2 are options of it", () => {
  const text = `upstream:
  url: https://10.0.0.1
  tls: { ca: ca.pem, cert: certs/own.pem, key: /etc/own.key, serverName: api.internal }
  http2: true`;
  assert.partialDeepStrictEqual(parseConfig("/srv/farebox.yaml", text).upstreams, [
    {
      tls: { ca: "/srv/ca.pem", cert: "/srv/certs/own.pem", key: "/etc/own.key", serverName: "api.internal" },
      http2: true,
    },
  ]);
  for (const [upstream, path, reason] of [
    ["{ url: https://a, tls: { cert: a.pem } }", "upstream.tls", /without its key/],
    ["{ url: http://a, tls: { ca: a.pem } }", "upstream.tls", /https:\/\//],
    ["{ one: { url: http://a, http2: true } }", "upstream.one.http2", /https:\/\//],
  ] as const) {
    const [problem] = problemsOf(`upstream: ${upstream}`);
    assert.equal(problem?.path, path);
    assert.match(problem.reason, reason);
  }
});

describe("proxies in front", () => {
  it("are named by addresses and ranges of both versions", () => {
    const { trustedProxies, proxyHeader } = parse(
      'upstream: http://127.0.0.1:9000\ngateway: { trustedProxies: [10.0.0.0/8, "2001:db8::7"], proxyHeader: forwarded }',
    ).gateway;
    assert.deepEqual([trustedProxies, proxyHeader], [["10.0.0.0/8", "2001:db8::7"], "forwarded"]);
  });

  it("are refused by name, with the place and the form", () => {
    const { path, reason, fix } = problemOf("gateway: { trustedProxies: [127.0.0.1, nginx] }");
    assert.equal(path, "gateway.trustedProxies[1]");
    assert.match(reason, /"nginx" is not an address range/);
    assert.match(fix, /10\.0\.0\.0\/8/);
  });
});
