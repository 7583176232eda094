import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "../ledger/database/database.ts";
import { assertSound, readPool } from "../ledger/testing/books.ts";
import { eachDatabase } from "../ledger/testing/test-databases.ts";
import {
  type CallAnswer,
  newCustomer,
  openSidecar,
  publishTestPrices,
  type SidecarUnderTest,
  type TestCustomer,
} from "./testing/sidecar-world.ts";

const codeOf = ({ status, body }: CallAnswer) => [status, body.code];
const outcomeOf = ({ body }: CallAnswer) => [body.outcome, body.charged, body.balance];

eachDatabase("sidecar", (openFresh) => {
  let db: Database;
  let sidecar: SidecarUnderTest;
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    sidecar = await openSidecar(db);
  });

  const heldOf = async ({ accountId, shard }: TestCustomer) =>
    (await readPool(db, { accountId, shard, creditType: "credits" })).held;

  test("a request is authorized, settled and charged once, however often and at once it is settled", async () => {
    const customer = await newCustomer(db, 100);
    const { body } = await sidecar.call("/v1/authorize", {
      key: customer.key,
      method: "GET",
      path: "/ten?x=1",
    });
    assert.partialDeepStrictEqual(body, {
      decision: "admitted",
      expiresIn: 60,
      account: customer.accountId,
      key: customer.keyId,
      endpoint: "GET /ten",
      quote: { creditType: "credits", amount: 10, units: 1, decidedOnAnswer: false },
    });
    const settle = () => sidecar.call("/v1/settle", { hold: body.hold, status: 200 });
    const answers = await Promise.all([settle(), settle(), settle()]);
    answers.push(await settle());
    for (const answer of answers) assert.deepEqual(answer.body, answers[0]?.body);
    assert.partialDeepStrictEqual(answers[0]?.body, {
      outcome: "charged",
      requestId: body.requestId,
      charged: 10,
      uncollected: 0,
      refunded: 0,
      balance: 90,
      units: 1,
      headers: [
        { name: "Credits-Charged", value: "10" },
        { name: "Credits-Remaining", value: "90" },
        { name: "Cache-Control", value: "private, no-store" },
      ],
    });
    assert.deepEqual(codeOf(await sidecar.call("/v1/settle", { hold: body.hold, status: 201 })), [
      409,
      "hold_settled",
    ]);
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200"]);
  });

  test("results, a cost of the caller's and statuses that are not charged", async () => {
    const customer = await newCustomer(db, 100);
    const post = { method: "POST", body: { size: 20 } };
    const results = await sidecar.hold(customer, "/results", post);
    assert.deepEqual(outcomeOf(await sidecar.call("/v1/settle", { hold: results, units: 7 })), [
      "charged",
      7,
      93,
    ]);
    const cost = await sidecar.hold(customer, "/results", post);
    const own = await sidecar.call("/v1/settle", { hold: cost, cost: "2.5", units: 3 });
    assert.deepEqual([...outcomeOf(own), own.body.units], ["charged", 2.5, 90.5, 3]);
    const failed = await sidecar.hold(customer, "/ten");
    for (const _ of [1, 2]) {
      const answer = await sidecar.call("/v1/settle", { hold: failed, status: 500, cost: 4 });
      assert.deepEqual(outcomeOf(answer), ["free", undefined, undefined]);
    }
    const free = await sidecar.call("/v1/authorize", { key: customer.key, method: "GET", path: "/free" });
    assert.deepEqual([free.body.decision, free.body.hold, free.body.quote], ["admitted", null, null]);
    const open = await sidecar.call("/v1/authorize", { method: "GET", path: "/open" });
    assert.deepEqual([open.body.decision, open.body.hold, open.body.endpoint], ["admitted", null, "open"]);
    assert.deepEqual(await customer.entries(), [
      "charge 7 POST /results 200",
      "charge 2.5 POST /results 200",
    ]);
  });

  test("released twice at once a hold is free again; after its charge it is refunded once", async () => {
    const customer = await newCustomer(db, 10);
    const hold = await sidecar.hold(customer, "/ten");
    const release = (token: string) => sidecar.call("/v1/release", { hold: token });
    const both = await Promise.all([release(hold), release(hold)]);
    assert.deepEqual(
      both.map(({ status, body }) => [status, body.refunded]),
      [
        [200, 0],
        [200, 0],
      ],
    );
    assert.deepEqual(codeOf(await sidecar.call("/v1/settle", { hold })), [409, "hold_released"]);
    const again = await sidecar.hold(customer, "/ten");
    const [settled, ...released] = await Promise.all([
      sidecar.call("/v1/settle", { hold: again }),
      release(again),
      release(again),
    ]);
    assert.deepEqual(outcomeOf(settled), ["charged", 10, 0]);
    assert.deepEqual(
      released.map(({ body }) => body.refunded),
      [10, 10],
    );
    const told = await sidecar.call("/v1/settle", { hold: again });
    assert.deepEqual([...outcomeOf(told), told.body.refunded], ["charged", 10, 0, 10]);
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200", "refund 10"]);
  });

  test("a hold that nobody settles is free again after its time, and may still be settled as far as the pool goes", async () => {
    const customer = await newCustomer(db, 12);
    const late = await sidecar.hold(customer, "/short", { ttl: 1 });
    const expired = sidecar.expired.length;
    const second = await sidecar.call("/v1/authorize", { key: customer.key, method: "GET", path: "/ten" });
    assert.deepEqual([second.body.decision, second.body.code], ["refused", "insufficient_credits"]);
    await sidecar.untilExpired(expired + 1);
    assert.deepEqual(codeOf(await sidecar.call("/v1/extend", { hold: late, ttl: 60 })), [
      410,
      "hold_expired",
    ]);
    const next = await sidecar.hold(customer, "/ten");
    assert.deepEqual(outcomeOf(await sidecar.call("/v1/settle", { hold: next })), ["charged", 10, 2]);
    const settle = () => sidecar.call("/v1/settle", { hold: late });
    for (const { body } of await Promise.all([settle(), settle()]))
      assert.deepEqual([body.outcome, body.charged, body.uncollected, body.balance], ["charged", 2, 8, 0]);
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200", "charge 2 GET /short 200"]);
  });

  test("an extended hold lives on", async () => {
    const customer = await newCustomer(db, 10);
    const kept = await sidecar.hold(customer, "/ten", { ttl: 1 });
    assert.equal((await sidecar.call("/v1/extend", { hold: kept, ttl: 900 })).body.expiresIn, 900);
    const other = await newCustomer(db, 10);
    const expired = sidecar.expired.length;
    await sidecar.hold(other, "/ten", { ttl: 1 });
    await sidecar.untilExpired(expired + 1);
    assert.equal((await sidecar.call("/v1/extend", { hold: kept, ttl: 5 })).status, 200);
    assert.deepEqual(outcomeOf(await sidecar.call("/v1/settle", { hold: kept })), ["charged", 10, 0]);
  });

  test("the caller's id makes one hold of two requests at once, and of another request a conflict", async () => {
    const customer = await newCustomer(db, 10);
    const ask = (change: object = {}, key = customer.key) =>
      sidecar.call("/v1/authorize", { id: "job", key, method: "GET", path: "/ten", ...change });
    const [one, two] = await Promise.all([ask(), ask()]);
    assert.equal(one?.body.decision, "admitted");
    assert.deepEqual(one?.body, two?.body);
    assert.deepEqual(codeOf(await ask({ path: "/ten?other" })), [409, "hold_conflict"]);
    const other = await newCustomer(db, 10);
    assert.notEqual((await ask({}, other.key)).body.requestId, one?.body.requestId);
    await sidecar.call("/v1/settle", { hold: one?.body.hold });
    assert.deepEqual((await ask()).body, one?.body);
    // A refusal is no hold: a top-up and a retry under the same id work.
    const poor = await newCustomer(db, 0);
    for (const _ of [1, 2]) assert.equal((await ask({}, poor.key)).body.code, "insufficient_credits");
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200"]);
  });

  test("a price that is decided on the answer holds nothing, and may be refused when it is settled", async () => {
    const customer = await newCustomer(db, 10);
    const hold = await sidecar.hold(customer, "/decided");
    assert.equal(await heldOf(customer), 0n);
    const refused = await sidecar.call("/v1/settle", { hold, units: 6 });
    assert.deepEqual(
      [refused.body.outcome, refused.body.code, refused.body.answer.status],
      ["refused", "insufficient_credits", 402],
    );
    assert.deepEqual(
      (await sidecar.call("/v1/settle", { hold, units: 6 })).body.code,
      "insufficient_credits",
    );
    const covered = await sidecar.hold(customer, "/decided");
    assert.deepEqual(outcomeOf(await sidecar.call("/v1/settle", { hold: covered, units: 5 })), [
      "charged",
      10,
      0,
    ]);
  });

  test("under an Idempotency-Key the answer is kept and told again; another request under it is refused", async () => {
    const customer = await newCustomer(db, 100);
    const ask = (body: unknown) =>
      sidecar.call("/v1/authorize", {
        key: customer.key,
        method: "POST",
        path: "/results",
        headers: { "Idempotency-Key": "k1" },
        body,
      });
    const first = await ask({ size: 5 });
    assert.equal((await ask({ size: 5 })).body.code, "idempotency_in_progress");
    const answer = {
      headers: [{ name: "x-own", value: "1" }],
      body: Buffer.from("hello").toString("base64"),
    };
    await sidecar.call("/v1/settle", { hold: first.body.hold, status: 201, units: 5, answer });
    const replay = await ask({ size: 5 });
    assert.equal(replay.body.decision, "replay");
    assert.deepEqual([replay.body.answer.status, replay.body.answer.body], [201, answer.body]);
    assert.deepEqual(replay.body.answer.headers[0], answer.headers[0]);
    assert.equal((await ask({ size: 6 })).body.code, "idempotency_mismatch");
    assert.deepEqual(await customer.entries(), ["charge 5 POST /results 201"]);
  });

  test("a customer's maximum, a free repetition and what cannot be read are as at the gateway", async () => {
    const customer = await newCustomer(db, 100);
    const ask = (more: object) =>
      sidecar.call("/v1/authorize", { key: customer.key, method: "GET", path: "/ten", ...more });
    assert.equal((await ask({ headers: { "Credits-Max": "9" } })).body.code, "quote_above_max");
    assert.equal((await ask({ max: 9 })).body.code, "quote_above_max");
    assert.equal((await ask({ path: "/ten/../free" })).body.code, "request_invalid");
    assert.equal((await ask({ headers: { "x-a": "1", "X-A": "2" } })).body.code, "request_invalid");
    assert.equal((await ask({ key: "fbx_nobodys" })).body.code, "key_invalid");
    assert.equal((await ask({ key: undefined })).body.code, "key_missing");
    const unread = await ask({ method: "POST", path: "/results", headers: { "content-length": "9" } });
    assert.equal(unread.body.code, "media_type_unsupported");
    for (const [charged, balance] of [
      [5, 95],
      [0, 95],
    ]) {
      const hold = await sidecar.hold(customer, "/once?ip=1");
      assert.deepEqual(outcomeOf(await sidecar.call("/v1/settle", { hold })), ["charged", charged, balance]);
    }
  });

  test("what is not asked right is refused with all that is wrong", async () => {
    const bad = await sidecar.call("/v1/authorize", { method: "get", path: 3, other: 1 });
    assert.deepEqual(codeOf(bad), [422, "request_invalid"]);
    assert.deepEqual(
      bad.body.errors.map(({ path }: { path: string }) => path),
      ["method", "path", ""],
    );
    assert.deepEqual(codeOf(await sidecar.call("/v1/settle", "{")), [400, "request_malformed"]);
    assert.deepEqual(
      codeOf(await sidecar.call("/v1/settle", { hold: "fbh_eyJyZXF1ZXN0SWQi.aaaaaaaaaaaaaaaaaaaaaa" })),
      [404, "hold_unknown"],
    );
    assert.deepEqual(codeOf(await sidecar.call("/v1/nothing", {})), [404, "route_not_found"]);
    const get = await fetch(`${sidecar.url}/v1/settle`);
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
  });

  test("a member that is there twice is refused, wherever it is: nobody knows which one counts", async () => {
    const customer = await newCustomer(db, 100);
    const { key } = customer;
    const asked = await sidecar.call("/v1/authorize", {
      key,
      method: "POST",
      path: "/results",
      body: { size: 9 },
    });
    const { hold } = asked.body;
    for (const [path, text] of [
      ["/v1/authorize", `{"key":"${key}","method":"POST","path":"/results","body":{"size":1,"size":100}}`],
      ["/v1/settle", `{"hold":"${hold}","units":1,"units":9}`],
      [
        "/v1/batch",
        `{"calls":[{"operation":"settle","request":{"hold":"${hold}","units":1,"un\\u0069ts":9}}]}`,
      ],
    ] as const) {
      const { status, body } = await sidecar.call(path, text);
      assert.deepEqual([status, body.code], [400, "request_malformed"], path);
      assert.match(body.detail, /a member twice/);
    }
    assert.equal((await sidecar.call("/v1/release", { hold })).status, 200);
    assert.deepEqual(await customer.entries(), []);
  });

  test("an answer that is kept has headers that can be sent", async () => {
    const { key } = await newCustomer(db, 100);
    const headers = { "idempotency-key": "headers" };
    const path = "/results";
    const { hold } = (await sidecar.call("/v1/authorize", { key, method: "POST", path, headers, body: {} }))
      .body;
    for (const [name, value] of [
      ["X-A\r\nB", "c"],
      ["x", "c\r\nd: e"],
      ["x", "\u0000"],
      ["x", "\u{1f600}"],
      ["", "c"],
    ]) {
      const answer = { headers: [{ name, value }], body: "" };
      assert.deepEqual(codeOf(await sidecar.call("/v1/settle", { hold, answer })), [422, "request_invalid"]);
    }
    const answer = { headers: [{ name: "X-Caf", value: "caf\u00e9\t1" }], body: "" };
    assert.equal((await sidecar.call("/v1/settle", { hold, units: 1, answer })).status, 200);
  });

  test("a body of nothing but brackets is refused in words, alone and in a batch", async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const request = `{"key":"k","method":"POST","path":"/ten","body":${deep}}`;
    for (const [path, body] of [
      ["/v1/authorize", request],
      ["/v1/batch", `{"calls":[{"operation":"authorize","request":${request}}]}`],
    ] as const) {
      const refused = await sidecar.call(path, body);
      assert.deepEqual(codeOf(refused), [400, "request_malformed"]);
      assert.match(refused.body.detail, /nested more than \d+ levels deep/);
    }
  });

  test("several calls in one are answered in their order, each as if it were alone", async () => {
    const customer = await newCustomer(db, 25);
    const one = { operation: "authorize", request: { key: customer.key, method: "GET", path: "/ten" } };
    const asked = await sidecar.call("/v1/batch", {
      calls: [one, one, one, { ...one, request: { ...one.request, key: "fbx_no" } }],
    });
    const decided = asked.body.answers.map(({ body }: { body: { decision: string } }) => body.decision);
    assert.deepEqual(decided, ["admitted", "admitted", "refused", "refused"]);
    const [first, second] = asked.body.answers.map(({ body }: { body: { hold: string } }) => body.hold);
    const calls = [
      { operation: "settle", request: { hold: first } },
      { operation: "release", request: { hold: second } },
      { operation: "settle", request: { hold: "fbh_none" } },
    ];
    const { body } = await sidecar.call("/v1/batch", { calls });
    assert.deepEqual(
      body.answers.map((answer: CallAnswer) => answer.status),
      [200, 200, 404],
    );
    assert.equal(body.answers[2].body.code, "hold_unknown");
    assert.deepEqual(await customer.entries(), ["charge 10 GET /ten 200"]);
    assert.equal((await sidecar.call("/v1/batch", { calls: [] })).status, 422);
  });

  test("only the operator token and tokens with the role meter may ask", async () => {
    const { createToken } = await import("../ledger/operators/operator-tokens.ts");
    const { hash } = await import("node:crypto");
    const add = (name: string, role: "meter" | "read") =>
      db.transaction((tx) =>
        createToken(tx, {
          tokenId: `tok_${name}`,
          name,
          role,
          limits: null,
          hashHex: hash("sha256", name),
          hint: "",
          createdBy: "operator",
          expiresAt: null,
        }),
      );
    await add("meter-token", "meter");
    await add("read-token", "read");
    const ask = (authorization: string) => sidecar.call("/v1/settle", { hold: "x" }, { authorization });
    assert.deepEqual(codeOf(await ask("Bearer meter-token")), [404, "hold_unknown"]);
    assert.deepEqual(codeOf(await ask("Bearer read-token")), [403, "role_not_permitted"]);
    assert.deepEqual(codeOf(await ask("Bearer nobodys")), [401, "operator_unauthorized"]);
    assert.deepEqual(codeOf(await ask("")), [401, "operator_unauthorized"]);
  });

  // Also where only some tests run.
  after(async () => {
    const customer = await newCustomer(db, 10);
    await sidecar.hold(customer, "/ten");
    await sidecar.close();
    await assertSound(db, { atRest: true });
  });
});
