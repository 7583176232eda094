import assert from "node:assert/strict";
import { test } from "node:test";
import { computeHeaders, parseTour } from "./tour.ts";

const TEXT = `
title: A tour
account: Acme
grants: { search: 20, collect: 0.5 }
calls:
  - title: A search
    method: POST
    path: /v2/search
    headers: { apikey: "{key}" }
    body: { query: { match_all: {} } }
    expect: 200
`;

test("a tour is read with its amounts as text and its defaults filled in", () => {
  const tour = parseTour(TEXT);
  assert.deepEqual(tour.grants, { search: "20", collect: "0.5" });
  assert.deepEqual(tour.calls[0]?.show, []);
});

test("the key is filled into headers, and a body brings its content type", () => {
  const call = parseTour(TEXT).calls[0];
  assert.ok(call);
  assert.deepEqual(computeHeaders(call, "fbx_1"), { "content-type": "application/json", apikey: "fbx_1" });
});

test("every wrong field of a tour is named", () => {
  const wrong = TEXT.replace("expect: 200", "expects: 200").replace("search: 20", "search: -1");
  assert.throws(
    () => parseTour(wrong),
    (error: Error) => {
      assert.match(error.message, /grants\.search/);
      assert.match(error.message, /calls\[0\]/);
      return true;
    },
  );
});
