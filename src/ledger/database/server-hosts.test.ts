import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerHosts } from "./server-hosts.ts";

test("one host, with whatever the driver reads behind it", () => {
  for (const [url, where] of [
    ["postgres://u:p@db/books", "db/books"],
    ["postgresql://db:6432/books?sslmode=require", "db:6432/books"],
    ["postgres://u:p@[::1]:5432/books", "[::1]:5432/books"],
    ["postgres:///books?host=/run/postgresql", "/books"],
    ["postgres://u:p@db/books?target_session_attrs=primary", "db/books"],
  ] as const) {
    const hosts = new ServerHosts(url);
    assert.deepEqual([hosts.count, hosts.current, hosts.where], [1, url, where]);
    hosts.failed(url);
    assert.equal(hosts.current, url);
  }
});

test("several hosts take turns when one fails, and the good one stays", () => {
  const hosts = new ServerHosts("postgres://u:p@a:1,b,[::1]:3/books?target_session_attrs=read-write");
  assert.equal(hosts.where, "a:1,b,[::1]:3/books");
  const seen: string[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    seen.push(hosts.current);
    hosts.failed(hosts.current);
    hosts.failed("postgres://u:p@elsewhere/books");
  }
  const urlOf = (host: string): string => `postgres://u:p@${host}/books?target_session_attrs=read-write`;
  assert.deepEqual(seen, ["a:1", "b", "[::1]:3", "a:1"].map(urlOf));
  assert.equal(hosts.current, urlOf("b"));
});

test("a password may hold what separates elsewhere, if it is encoded", () => {
  assert.equal(new ServerHosts("postgres://u:p%2C%40@a,b/books").where, "a,b/books");
});

for (const [url, reason] of [
  ["mysql://db/books", /is not a Postgres address/],
  ["db/books", /is not a Postgres address/],
  ["postgres://u:p@a:1,b:x/books", /has the host "b:x"/],
  ["postgres://u:p@a,,b/books", /empty host/],
  ["postgres:///books?host=a,b", /several hosts in "host"/],
  ["postgres://a,b/books?target_session_attrs=standby", /target_session_attrs=standby, and Farebox writes/],
  ["postgres://a/books?target_session_attrs=prefer-standby", /Farebox writes/],
] as const) {
  test(`refused in words: ${url}`, () => {
    assert.throws(() => new ServerHosts(url), { code: "database_url_invalid", message: reason });
    assert.throws(
      () => new ServerHosts(url),
      (error: Error) => !/u:p/.test(error.message),
    );
  });
}
