import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createForwardRules, type ForwardFacts, forwardHeaders } from "./forward-headers.ts";

const rules = createForwardRules(["api_key", "authorization"], { "X-Upstream-Token": "secret" });
const facts: ForwardFacts = {
  connectionNames: [],
  acceptEncoding: undefined,
  wholeResponse: false,
  own: ["x-request-id", "r1", "x-forwarded-for", "10.0.0.1"],
};
const added = ["X-Upstream-Token", "secret", ...facts.own];

describe("forwardHeaders", () => {
  it("keeps order, spelling and repeats of what it forwards", () => {
    const raw = ["Accept", "a", "X-b", "1", "x-B", "2", "Cookie", "c", "Range", "bytes=0-1"];
    assert.deepEqual(forwardHeaders(raw, rules, facts), [...raw, ...added]);
  });

  for (const name of [
    "Api_Key",
    "api-key",
    "AUTHORIZATION",
    "X-Upstream-Token",
    "x_upstream_token",
    "X-Forwarded-For",
    "X_Forwarded_Host",
    "x-farebox-account",
    "X_FAREBOX_ACCOUNT",
    "Forwarded",
    "X-Real-IP",
    "X-Request-Id",
    "Host",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Content-Length",
    "Upgrade",
    "Expect",
    "Proxy-Authorization",
    "X-HTTP-Method-Override",
    "X-Original-URL",
    "Credits-Max",
  ]) {
    it(`removes ${name}`, () => {
      assert.deepEqual(forwardHeaders([name, "v", "Accept", "a"], rules, facts), ["Accept", "a", ...added]);
    });
  }

  it("removes what Connection names, and nothing that was set by us", () => {
    const connected = { ...facts, connectionNames: ["x-hop", "x-forwarded-for", "close"] };
    assert.deepEqual(forwardHeaders(["X-Hop", "1", "X-End", "2"], rules, connected), [
      "X-End",
      "2",
      ...added,
    ]);
  });

  it("asks for identity and for the whole where the body is read", () => {
    const read = { ...facts, acceptEncoding: "identity", wholeResponse: true };
    assert.deepEqual(
      forwardHeaders(["Accept-Encoding", "gzip", "Range", "bytes=0-1", "If-Range", "x"], rules, read),
      ["accept-encoding", "identity", ...added],
    );
  });
});
