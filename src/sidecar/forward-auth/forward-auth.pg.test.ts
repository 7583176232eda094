import assert from "node:assert/strict";
import { request as send } from "node:http";
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

const TOKEN = "fbo_operators_own";

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

eachDatabase("forward-auth", (openFresh) => {
  let db: Database;
  let sidecar: SidecarUnderTest;
  let quoting: SidecarUnderTest;
  before(async () => {
    db = await openFresh();
    await publishTestPrices(db);
    sidecar = await openSidecar(db);
    quoting = await openSidecar(db, "quote");
  });

  /** As a proxy asks: header names as they are, in this order, twice where they are there twice. */
  const ask = (
    path: string,
    headers: readonly (readonly [string, string])[],
    method = "GET",
    url = sidecar.url,
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const call = send(url + path, { method, headers: headers.flat() }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
      });
      call.on("error", reject);
      call.end();
    });

  const HOST = ["host", "sidecar"] as const;
  const OURS = ["x-farebox-token", TOKEN] as const;
  const traefik = (target: string, key: string, ...more: readonly (readonly [string, string])[]) =>
    ask("/v1/forward-auth", [
      HOST,
      OURS,
      ["X-Forwarded-Method", "GET"],
      ["X-Forwarded-Uri", target],
      ["Authorization", `Bearer ${key}`],
      ...more,
    ]);
  const seen = ({ status, headers }: Answer) => [
    status,
    headers["x-farebox-reason"],
    headers["credits-remaining"],
  ];

  test("the forms of nginx, Traefik, Caddy and Envoy are one request each, charged at admission", async () => {
    const customer = await newCustomer(db, 100);
    const key = ["Authorization", `Bearer ${customer.key}`] as const;
    const answers = [
      await traefik("/ten?a=1", customer.key),
      await ask(`/v1/forward-auth?token=${TOKEN}&refusals=403`, [
        HOST,
        ["X-Original-Method", "GET"],
        ["X-Original-URI", "/ten"],
        key,
      ]),
      await ask("/v1/forward-auth/ten?b=2", [HOST, OURS, key]),
      await ask("/v1/forward-auth/results", [HOST, OURS, key], "PUT"),
    ];
    assert.deepEqual(answers.map(seen), [
      [200, undefined, "90"],
      [200, undefined, "80"],
      [200, undefined, "70"],
      [200, undefined, undefined],
    ]);
    assert.partialDeepStrictEqual(answers[0]?.headers, {
      "x-farebox-account": customer.accountId,
      "x-farebox-key": customer.keyId,
      "credits-charged": "10",
    });
    assert.deepEqual(
      await customer.entries(),
      Array.from({ length: 3 }, () => "charge 10 GET /ten 200"),
    );
  });

  test("a refusal has the contract's status and body, or 403 for proxies that pass nothing else on", async () => {
    const { key } = await newCustomer(db, 5);
    const paid = await traefik("/ten", key);
    assert.deepEqual(seen(paid), [402, "insufficient_credits", undefined]);
    assert.match(paid.body, /"code":"insufficient_credits"/);
    const plain = (target: string, presented: string) =>
      ask("/v1/forward-auth?refusals=403", [
        HOST,
        OURS,
        ["X-Original-Method", "GET"],
        ["X-Original-Uri", target],
        ["Authorization", `Bearer ${presented}`],
      ]);
    const forbidden = await plain("/ten", key);
    assert.deepEqual(
      [...seen(forbidden), forbidden.headers["x-farebox-status"]],
      [403, "insufficient_credits", undefined, "402"],
    );
    assert.match(forbidden.body, /"code":"insufficient_credits"/);
    assert.deepEqual(seen(await plain("/ten", "fbx_nobodys")), [401, "key_invalid", undefined]);
    assert.deepEqual(seen(await plain("/a/../ten", key)), [403, "request_invalid", undefined]);
    assert.deepEqual(seen(await traefik("/ten", key, ["Credits-Max", "1"])), [
      402,
      "quote_above_max",
      undefined,
    ]);
  });

  test("what reads the body or the answer is refused, or costs the most that it can where configured", async () => {
    const customer = await newCustomer(db, 100);
    const key = ["Authorization", `Bearer ${customer.key}`] as const;
    assert.deepEqual(seen(await ask("/v1/forward-auth/results", [HOST, OURS, key], "POST")), [
      415,
      "media_type_unsupported",
      undefined,
    ]);
    assert.deepEqual(seen(await ask("/v1/forward-auth/counted", [HOST, OURS, key])), [
      403,
      "price_needs_answer",
      undefined,
    ]);
    assert.deepEqual(seen(await ask("/v1/forward-auth/decided", [HOST, OURS, key], "GET", quoting.url)), [
      403,
      "price_needs_answer",
      undefined,
    ]);
    const most = await ask("/v1/forward-auth/counted?size=7", [HOST, OURS, key], "GET", quoting.url);
    assert.deepEqual(seen(most), [200, undefined, "93"]);
    const hold = most.headers["x-farebox-hold"];
    const settle = (more: object) => sidecar.call("/v1/settle", { hold, ...more });
    const [one, two] = await Promise.all([settle({ units: 3 }), settle({ units: 3 })]);
    for (const { body } of [one, two])
      assert.deepEqual([body.outcome, body.charged, body.refunded], ["charged", 7, 4]);
    assert.deepEqual((await settle({ units: 2 })).body.code, "hold_settled");
    assert.equal((await settle({ units: 9 })).body.refunded, 4);
    assert.deepEqual(await customer.entries(), ["charge 7 GET /counted 200", "refund 4"]);
  });

  test("a request that failed behind the proxy is refunded once by its status or by its release, from any instance", async () => {
    const customer = await newCustomer(db, 100);
    const first = (await traefik("/ten", customer.key)).headers["x-farebox-hold"];
    const second = (await traefik("/ten", customer.key)).headers["x-farebox-hold"];
    const served = (await traefik("/ten", customer.key)).headers["x-farebox-hold"];
    const failed = (from: SidecarUnderTest) => from.call("/v1/settle", { hold: first, status: 502 });
    const answers = await Promise.all([failed(sidecar), failed(quoting), failed(sidecar)]);
    for (const { body } of answers) assert.deepEqual([body.charged, body.refunded], [10, 10]);
    const release = (from: SidecarUnderTest) => from.call("/v1/release", { hold: second });
    for (const { body } of await Promise.all([release(sidecar), release(quoting)]))
      assert.equal(body.refunded, 10);
    assert.equal((await sidecar.call("/v1/settle", { hold: served, status: 200 })).body.refunded, 0);
    const entries = await customer.entries();
    assert.deepEqual(
      entries.filter((entry) => entry.startsWith("refund")),
      ["refund 10", "refund 10"],
    );
  });

  test("only who has the token may ask, and the customer's request must be told once", async () => {
    const { key } = await newCustomer(db, 100);
    const told = [
      ["X-Forwarded-Method", "GET"],
      ["X-Forwarded-Uri", "/ten"],
      ["Authorization", `Bearer ${key}`],
    ] as const;
    assert.deepEqual(seen(await ask("/v1/forward-auth", [HOST, ...told])), [
      401,
      "operator_unauthorized",
      undefined,
    ]);
    assert.deepEqual(seen(await ask("/v1/forward-auth", [HOST, OURS])), [
      400,
      "request_malformed",
      undefined,
    ]);
    const twice = await ask("/v1/forward-auth", [HOST, OURS, ...told, ["X-Forwarded-Uri", "/free"]]);
    assert.deepEqual(seen(twice), [400, "request_malformed", undefined]);
    const tiers = (...values: readonly string[]) =>
      traefik("/tier", key, ...values.map((value) => ["x-tier", value] as const));
    assert.deepEqual(seen(await tiers("gold")), [200, undefined, "96"]);
    assert.deepEqual(seen(await tiers("gold", "free")), [400, "request_invalid", undefined]);
    assert.deepEqual(seen(await traefik("/tier", key, ["x_tier", "gold"])), [
      400,
      "request_invalid",
      undefined,
    ]);
    assert.equal((await traefik("/open", "none")).status, 200);
    assert.equal((await ask("/v1/forward-auth/ten", [HOST, OURS], "OPTIONS")).status, 200);
  });

  // Also where only some tests run.
  after(async () => {
    await sidecar.close();
    await quoting.close();
    await assertSound(db, { atRest: true });
  });
});
