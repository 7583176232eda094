import assert from "node:assert/strict";
import { test } from "node:test";
import { renderEvent } from "./traffic.ts";

const REQUEST = {
  at: "2026-11-29T13:46:34.016Z",
  account: "acc_1a2B3c4D5e6F7g8H",
  requestId: "01a2278e-b699-78e2-9c71-e9a719f00244",
  method: "GET",
  endpoint: "GET /v1/lookup",
  status: 200,
  upstreamStatus: 200,
  ms: 6.4,
  creditType: "credits",
  units: null,
  refusal: null,
  charged: 10,
};

const request = (changes: object): { name: string; data: string } => ({
  name: "request",
  data: JSON.stringify({ ...REQUEST, ...changes }),
});

test("a request is a line with what was charged, or why it was refused", () => {
  assert.deepEqual(renderEvent(request({}), false), {
    out: "2026-11-29T13:46:34.016Z  200  6 ms  acc_1a2B3c4D5e6F7g8H  GET /v1/lookup  10 credits\n",
    err: "",
  });
  const refused = { account: null, endpoint: null, status: 401, upstreamStatus: null, creditType: null };
  assert.deepEqual(renderEvent(request({ ...refused, refusal: "key_missing", charged: 0 }), false), {
    out: "2026-11-29T13:46:34.016Z  401  6 ms  -  GET  key_missing\n",
    err: "",
  });
});

test("programs get the line as it came; what began and what was missed are no results", () => {
  const { data } = request({});
  assert.deepEqual(renderEvent(request({}), true), { out: `${data}\n`, err: "" });
  for (const json of [true, false]) {
    assert.deepEqual(renderEvent({ name: "begin", data: '{"instance":"ins_1"}' }, json), {
      out: "",
      err: "",
    });
    const { out, err } = renderEvent({ name: "gap", data: '{"missed":7}' }, json);
    assert.equal(out, "");
    assert.match(err, /came too fast.*7/);
  }
});
