import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problemsOf } from "../testing/config-problems.ts";

const RULE = "{ role: admin, claim: groups, value: farebox-admins }";

/** A provider's section with some of its lines replaced, on one line each. */
function write(changed: Readonly<Record<string, string>> = {}): string {
  const options = {
    name: "Example SSO",
    issuer: "https://login.example.com",
    clientId: "farebox",
    clientSecret: '"${env:OIDC_SECRET}"',
    roles: `[${RULE}]`,
    ...changed,
  };
  const lines = Object.entries(options).map(([name, value]) => `    ${name}: ${value}`);
  return `upstream: http://x\nconsole:\n  oidc:\n${lines.join("\n")}\n`;
}

const problems = (changed: Readonly<Record<string, string>>): string[] =>
  problemsOf(write(changed), { OIDC_SECRET: "s" }).map(({ path, reason }) => `${path} ${reason}`);

test("a provider is read with its secret from the environment and the amounts of its rules", () => {
  const support = "{ role: support, claim: groups, value: helpdesk, limits: { each: 0.5, day: 10 } }";
  const { oidc } = parse(write({ roles: `[${RULE}, ${support}]` }), { OIDC_SECRET: "from outside" }).console;
  assert.equal(oidc?.clientSecret, "from outside");
  assert.deepEqual([oidc.scopes, oidc.person, oidc.origin], [["openid", "email"], "email", undefined]);
  assert.deepEqual(oidc.roles[1]?.limits, { each: 500_000n, day: 10_000_000n });
});

test("a secret that is not set, and a role that could give without an end, are refused where they stand", () => {
  assert.deepEqual(
    problemsOf(write()).map(({ path, reason }) => `${path} ${reason}`),
    ["console.oidc.clientSecret the environment variable OIDC_SECRET is not set"],
  );
  const limits = "limits: { each: 1, day: 2 }";
  for (const rule of [
    "{ role: support, claim: groups, value: helpdesk }",
    `{ role: admin, claim: groups, value: admins, ${limits} }`,
  ]) {
    assert.deepEqual(
      problems({ roles: `[${rule}]` }),
      ["console.oidc.roles[0] has limits and is not support, or is support without limits"],
      rule,
    );
  }
  for (const role of ["portal", "metrics", "owner"]) {
    const [problem = ""] = problems({ roles: `[{ role: ${role}, claim: groups, value: x }]` });
    assert.match(problem, /^console\.oidc\.roles\[0\]\.role /);
  }
  assert.match(problems({ roles: "[]" })[0] ?? "", /^console\.oidc\.roles /);
});

test("without TLS a provider is taken on this machine only, and an origin has no path", () => {
  const local = write({ issuer: "http://127.0.0.1:9000", origin: "http://localhost:8401" });
  assert.equal(parse(local, { OIDC_SECRET: "s" }).console.oidc?.origin, "http://localhost:8401");
  for (const issuer of ["http://login.example.com", "ftp://x", "https://a@login.example.com", "login"]) {
    assert.deepEqual(problems({ issuer }), ["console.oidc.issuer is no https address"], issuer);
  }
  for (const origin of [
    "https://farebox.example.com/",
    "https://farebox.example.com/ops",
    "http://x.example",
  ]) {
    assert.deepEqual(problems({ origin }), ["console.oidc.origin is no origin"], origin);
  }
  assert.deepEqual(problems({ scopes: "[email]" }), ["console.oidc.scopes lacks openid"]);
});
