import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ServerHosts } from "./server-hosts.ts";

test("one host, with what the driver reads behind it", () => {
  for (const [url, where, parameters = ""] of [
    ["postgres://u:p@db/books", "db/books"],
    ["postgresql://db:6432/books?sslmode=disable", "db:6432/books", "?sslmode=disable"],
    ["postgresql://db:6432/books?sslmode=require", "db:6432/books", "?sslmode=verify-full"],
    ["postgresql://db/books?sslmode=verify-ca", "db/books", "?sslmode=verify-full"],
    ["postgres://u:p@[::1]:5432/books", "[::1]:5432/books"],
    ["postgres:///books?host=/run/postgresql", "/books", "?host=%2Frun%2Fpostgresql"],
    ["postgres://u:p@db/books?target_session_attrs=primary", "db/books"],
    ["postgres://u:p@db/books?options=-c%20work_mem%3D8MB", "db/books", "?options=-c+work_mem%3D8MB"],
  ] as const) {
    const hosts = new ServerHosts(url);
    const current = url.replace(/\?.*/, "") + parameters;
    assert.deepEqual([hosts.count, hosts.current, hosts.where], [1, current, where]);
    hosts.failed(current);
    assert.equal(hosts.current, current);
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
  const urlOf = (host: string): string => `postgres://u:p@${host}/books`;
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
  ["postgres://a/books?sslmode=required", /sslmode=required, which is none of disable, no-verify, require/],
  ["postgres://a/books?sslmode=prefer", /sslmode=prefer, which is none of/],
  ["postgres://a/books?sslmode=", /sslmode=, which is none of/],
  ["postgres://a/books?sslMode=require", /parameter "sslMode", which is none of application_name, host/],
  ["postgres://a/books?sslmode=require&sslmode=disable", /"sslmode" twice/],
  [
    "postgres://a/books?sslmode=require&sslrootcert=/no/such.pem",
    /sslrootcert=\/no\/such.pem, which cannot be read: ENOENT/,
  ],
  ["postgres://a/books?sslmode=disable&sslkey=/no/such.pem", /sslkey and sslmode=disable/],
  ["postgres://a/books?statement_timeout=1", /parameter "statement_timeout"/],
  ["postgres://a/books?keepAlive=false&max=1", /parameter "keepAlive"/],
  ["postgres://u:p/q@a/books", /must be encoded/],
  ["postgres://u:p?q@a/books", /must be encoded/],
  ["postgres://u:p#q@a/books", /must be encoded/],
  ["postgres://u:p%q@a/books", /begins no code/],
] as const) {
  test(`refused in words: ${url}`, () => {
    assert.throws(() => new ServerHosts(url), { code: "database_url_invalid", message: reason });
    assert.throws(
      () => new ServerHosts(url),
      (error: Error) => !/u:|p[/?#%]q|q@/.test(error.message),
    );
  });
}

test("the page on storage has the parameters that are read", () => {
  const page = readFileSync(new URL("../../../../docs/operating/storage.md", import.meta.url), "utf8");
  const [, table = ""] = /### The address\n(.*?)\n### /s.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, names = ""]) => names.match(/\w+/g) ?? []);
  assert.throws(
    () => new ServerHosts("postgres://db/books?none=1"),
    (error: Error) => {
      const [, known = ""] = /which is none of (.*)\./.exec(error.message) ?? [];
      assert.deepEqual(rows.flat().sort(), known.split(", "));
      return true;
    },
  );
});
