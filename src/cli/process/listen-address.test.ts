import assert from "node:assert/strict";
import { test } from "node:test";
import { parseListenAddress } from "./listen-address.ts";

test("host and port are read from every usual form", () => {
  assert.deepEqual(parseListenAddress("127.0.0.1:8080"), { host: "127.0.0.1", port: 8080 });
  assert.deepEqual(parseListenAddress("localhost:0"), { host: "localhost", port: 0 });
  assert.deepEqual(parseListenAddress("[::1]:65535"), { host: "::1", port: 65_535 });
  assert.deepEqual(parseListenAddress(":80"), { host: "0.0.0.0", port: 80 });
});

test("everything else is refused with the form to write", () => {
  for (const wrong of [
    "8080",
    "localhost",
    "http://localhost:80",
    "::1:80",
    "host:65536",
    "host:",
    "a b:1",
    "",
  ]) {
    assert.throws(() => parseListenAddress(wrong), /Write host:port/, wrong);
  }
});
