import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import { assertSound } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import {
  type CallAnswer,
  newCustomer,
  openSidecar,
  publishTestPrices,
  type SidecarUnderTest,
} from "./testing/sidecar-world.ts";

/** The same message, so large that it is read in turns. */
const padded = (message: object): string => JSON.stringify(message).replace("{", `{${" ".repeat(70_000)}`);
const short = (message: object): string => JSON.stringify(message);
const codeOf = ({ status, body }: CallAnswer): unknown[] => [
  status,
  body.code ?? body.decision ?? body.outcome,
];

eachDatabase("large messages of the sidecar", (openFresh) => {
  let db: Database;
  let sidecar: SidecarUnderTest;
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    sidecar = await openSidecar(db);
  });
  after(async () => {
    await sidecar.close();
    await assertSound(db, { atRest: true });
  });

  test("a price reads the same of a body, however large the message is", async () => {
    const { key } = await newCustomer(db, 10_000);
    const sizes = [20, 20.0, "20", 3.5, -1, 0, 101, 1e30, null, true, [], [1, 2, 3], {}, { size: 5 }, ""];
    const bodies = [...sizes.map((size) => ({ size })), {}, [], "text", 7, null, { SIZE: 1 }, { "size ": 1 }];
    for (const body of bodies) {
      const ask = { key, method: "POST", path: "/results", body };
      const [small, large] = await Promise.all([
        sidecar.call("/v1/authorize", short(ask)),
        sidecar.call("/v1/authorize", padded(ask)),
      ]);
      const told = [small, large].map(({ status, body: { decision, code, quote, answer } }) =>
        JSON.stringify({ status, decision, code, quote, answer: answer?.status }),
      );
      assert.equal(told[1], told[0], JSON.stringify(body));
    }
  });

  test("a body of megabytes is read by its fields, and two of them by all that they have", async () => {
    const { key } = await newCustomer(db, 100);
    const filler = "x".repeat(3_000_000);
    const ask = (more: object, headers = {}) =>
      sidecar.call("/v1/authorize", { key, method: "POST", path: "/results", headers, ...more });
    const first = await ask({ id: "a", body: { filler, size: 7 } });
    assert.equal(first.body.quote.amount, 7);
    assert.deepEqual((await ask({ id: "a", body: { filler, size: 7 } })).body, first.body);
    assert.deepEqual(codeOf(await ask({ id: "a", body: { filler: `${filler}y`, size: 7 } })), [
      409,
      "hold_conflict",
    ]);
    const keyed = { "idempotency-key": "k" };
    assert.deepEqual(codeOf(await ask({ body: { filler, size: 7 } }, keyed)), [200, "admitted"]);
    assert.deepEqual(codeOf(await ask({ body: { filler: "z", size: 7 } }, keyed)), [
      200,
      "idempotency_mismatch",
    ]);
  });

  test("the same request alone and in a batch of large ones is one hold", async () => {
    const { key } = await newCustomer(db, 100);
    const request = {
      id: "b",
      key,
      method: "POST",
      path: "/results",
      body: { size: 4, of: [1, { two: "2" }] },
    };
    const alone = await sidecar.call("/v1/authorize", request);
    const other = { ...request, id: "c", body: { filler: "x".repeat(100_000), size: 3 } };
    const { body } = await sidecar.call("/v1/batch", {
      calls: [
        { operation: "authorize", request: other },
        { operation: "authorize", request },
      ],
    });
    assert.deepEqual(body.answers[1].body, alone.body);
    assert.equal(body.answers[0].body.quote.amount, 3);
  });

  test("an answer is kept as it was told, and settled with another one is a conflict", async () => {
    const customer = await newCustomer(db, 100);
    const kept = randomBytes(900).toString("base64");
    const headers = { "idempotency-key": "kept" };
    const hold = await sidecar.hold(customer, "/ten", { headers });
    const settle = (body: string, write: (message: object) => string) =>
      sidecar.call("/v1/settle", write({ hold, answer: { headers: [], body } }));
    const end = await settle(kept, padded);
    assert.deepEqual(codeOf(end), [200, "charged"]);
    assert.deepEqual((await settle(kept, short)).body, end.body);
    assert.deepEqual(codeOf(await settle(randomBytes(900).toString("base64"), padded)), [
      409,
      "hold_settled",
    ]);
    const again = { key: customer.key, method: "GET", path: "/ten", headers };
    const { body } = await sidecar.call("/v1/authorize", padded(again));
    assert.deepEqual([body.decision, body.answer.body], ["replay", kept]);
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200"]);
  });

  test("an answer that is no base64 settles nothing", async () => {
    const customer = await newCustomer(db, 100);
    const hold = await sidecar.hold(customer, "/ten");
    const long = "A".repeat(300_000);
    for (const body of [
      "abc",
      "ab=c",
      "ä===",
      "YQ\\u003d\\u003d",
      `${long}-AAA`,
      `-AAA${long}`,
      `${long}A`,
      7,
      null,
    ])
      for (const write of [short, padded]) {
        const answer = await sidecar.call("/v1/settle", write({ hold, answer: { headers: [], body } }));
        assert.deepEqual(codeOf(answer), [422, "request_invalid"], String(body).slice(0, 20));
        assert.match(answer.body.detail, /answer\.body must be base64/);
      }
    assert.deepEqual(codeOf(await sidecar.call("/v1/settle", { hold })), [200, "charged"]);
  });

  test("a large message that means two things, or is none, is refused in words", async () => {
    const { key } = await newCustomer(db, 100);
    const head = `"key":"${key}","method":"POST","path":"/results"`;
    const fill = `"filler":"${"x".repeat(70_000)}"`;
    const refused: [string, RegExp][] = [
      [`{${head},"body":{"size":1},"body":{"size":9,${fill}}}`, /has \/body in more than one way/],
      [`{${head},"body":{"size":1},"Body":{"size":9,${fill}}}`, /has \/body in more than one way/],
      [`{${head},"body":{${fill},}}`, /is not JSON/],
      [`{${head},"body":{${fill}`, /is not JSON/],
      [`{${head},"body":${"[".repeat(40_000)}${"]".repeat(40_000)}}`, /nested more than 512 levels/],
      [`{${head},"x":[${"1,".repeat(60_000)}1]}`, /has more than 50000 elements/],
      [`{${head},"x":"${"x".repeat(2_200_000)}"}`, /without the bodies/],
    ];
    for (const [text, reason] of refused) {
      const { status, body } = await sidecar.call("/v1/authorize", text);
      assert.deepEqual([status, body.code], [400, "request_malformed"], text.slice(0, 90));
      assert.match(body.detail, reason);
    }
    const twice = `{${head},"body":{"size":1,"SIZE":9,${fill}}}`;
    const { body } = await sidecar.call("/v1/authorize", twice);
    assert.deepEqual([body.decision, body.code], ["refused", "request_invalid"]);
  });
});
