import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../../ledger/database/database.ts";
import { assertSound } from "../../ledger/testing/books.ts";
import { eachDatabase } from "../../ledger/testing/test-databases.ts";
import {
  newCustomer,
  openSidecar,
  publishTestPrices,
  type SidecarUnderTest,
} from "../testing/sidecar-world.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The other spelling of JSON of protocol buffers than Envoy's own, which a test of the whole wire speaks. */
const messageOf = (
  kind: "requestHeaders" | "responseHeaders",
  pairs: readonly (readonly [string, string])[],
) => ({
  [kind]: { headers: { headers: pairs.map(([key, value]) => ({ key, rawValue: base64(value) })) } },
});

eachDatabase("ext_proc", (openFresh) => {
  let db: Database;
  let sidecar: SidecarUnderTest;
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    sidecar = await openSidecar(db);
  });

  const asked = async (key: string, path: string, ...more: readonly (readonly [string, string])[]) => {
    const pairs = [[":method", "GET"], [":path", path], ["authorization", `Bearer ${key}`], ...more] as const;
    const { status, body } = await sidecar.call("/v1/ext-proc", messageOf("requestHeaders", pairs));
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const answered = async (status: string, metadata: unknown, from = sidecar) => {
    const message = {
      ...messageOf("responseHeaders", [[":status", status]]),
      metadataContext: { filterMetadata: metadata },
    };
    const answer = await from.call("/v1/ext-proc", message);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };

  test("what failed is refunded by its status, once, told twice at once and at another instance; what did not stays charged", async () => {
    const customer = await newCustomer(db, 100);
    const other = await openSidecar(db);
    const failed = await asked(customer.key, "/ten");
    const served = await asked(customer.key, "/ten?a=1");
    const known = failed.dynamic_metadata;
    const answers = await Promise.all([
      answered("502", known),
      answered("502", known),
      answered("502", known, other),
      answered("200", served.dynamic_metadata),
    ]);
    for (const { response_headers } of answers) assert.ok(response_headers.response.header_mutation);
    await other.close();
    assert.deepEqual(await customer.entries(), [
      "charge 10 GET /ten 200",
      "charge 10 GET /ten 200",
      "refund 10",
    ]);
  });

  test("what needs no key or costs nothing passes, and its answer too", async () => {
    const customer = await newCustomer(db, 0);
    for (const [key, path] of [
      ["none", "/open"],
      [customer.key, "/free"],
    ] as const) {
      const { request_headers, dynamic_metadata } = await asked(key, path, [
        "x-farebox-account",
        "acc_forged",
      ]);
      const { set_headers, remove_headers } = request_headers.response.header_mutation;
      const told = set_headers.map(({ header }: { header: { key: string } }) => header.key);
      assert.deepEqual(
        [told.includes("x-farebox-account"), remove_headers.includes("x-farebox-account")],
        path === "/open" ? [false, true] : [true, false],
      );
      const { response_headers } = await answered("200", dynamic_metadata ?? null);
      assert.ok(response_headers);
    }
    assert.deepEqual(await customer.entries(), []);
  });

  test("a refusal is the customer's answer: credits, key, what needs an answer's body, a header read twice", async () => {
    const { key } = await newCustomer(db, 5);
    for (const [presented, path, code, reason, ...more] of [
      [key, "/ten", 402, "insufficient_credits"],
      ["fbx_nobodys", "/ten", 401, "key_invalid"],
      [key, "/counted?size=3", 403, "price_needs_answer"],
      [key, "/a/../ten", 400, "request_invalid"],
      [key, "/tier", 400, "request_invalid", ["x-tier", "gold"], ["x-tier", "free"]],
    ] as const) {
      const { immediate_response } = await asked(presented, path, ...more);
      assert.equal(immediate_response.status.code, code);
      assert.match(
        Buffer.from(immediate_response.body, "base64").toString(),
        new RegExp(`"code":"${reason}"`),
      );
    }
  });

  test("a hold that is nobody's, or over, changes nothing and is no fault: the answer passes", async () => {
    const customer = await newCustomer(db, 100);
    const { dynamic_metadata } = await asked(customer.key, "/ten");
    const { hold } = dynamic_metadata.farebox;
    assert.equal((await sidecar.call("/v1/settle", { hold, cost: 4 })).body.refunded, 6);
    for (const known of ["fbh_forged", hold])
      assert.deepEqual(await answered("502", { farebox: { hold: known } }), { response_headers: {} });
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200", "refund 6"]);
    assert.deepEqual(sidecar.failed, []);
  });

  test("what is no message is refused, and only who has the token may ask", async () => {
    for (const body of [
      {},
      [],
      { request_headers: {} },
      { request_body: { body: "" } },
      messageOf("requestHeaders", [[":method", "GET"]]),
      messageOf("requestHeaders", [
        [":method", "GET"],
        [":path", "/ten"],
        [":path", "/free"],
      ]),
      messageOf("responseHeaders", [[":status", "many"]]),
      { request_headers: { headers: { headers: [{ key: ":path", raw_value: "?" }] } } },
    ]) {
      const { status, body: problem } = await sidecar.call("/v1/ext-proc", body);
      assert.deepEqual([status, problem.code], [400, "request_malformed"], JSON.stringify(body));
    }
    const post = (query: string, method = "POST") =>
      fetch(`${sidecar.url}/v1/ext-proc${query}`, { method, ...(method === "POST" ? { body: "{}" } : {}) });
    assert.equal((await post("")).status, 401);
    assert.equal((await post("?token=fbo_nobodys")).status, 401);
    assert.equal((await post("?token=fbo_operators_own")).status, 400);
    assert.equal((await post("", "GET")).status, 405);
    // What a filter of Envoy's sets goes before the address.
    const headers = { "x-farebox-token": "fbo_operators_own" };
    const told = await fetch(`${sidecar.url}/v1/ext-proc`, { method: "POST", headers, body: "{}" });
    assert.equal(told.status, 400);
  });

  // Also where only some tests run.
  after(async () => {
    await sidecar.close();
    await assertSound(db, { atRest: true });
  });
});
