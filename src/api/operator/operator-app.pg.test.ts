import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../ledger/database/database.ts";
import { listAudit } from "../../ledger/operators/operator-audit.ts";
import { eachDatabase } from "../../ledger/testing/test-databases.ts";
import { OperatorUnderTest, TOKEN } from "./testing/operator-under-test.ts";

/** They are asked with a body, and change nothing. */
const READS_WITH_BODY = new Set(["/v1/bulk-refunds/preview", "/v1/keys/search"]);

eachDatabase("operator API", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });

  test("without the token, with a wrong one or with another scheme nothing is answered", async () => {
    const wrong = ["", "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN];
    for (const authorization of wrong) {
      for (const path of ["/v1/accounts", "/metrics", "/v1/instance", "/nothing"]) {
        const { status, body, headers } = await operator.get(path, { authorization });
        assert.deepEqual([status, body.code], [401, "operator_unauthorized"], `${path} ${authorization}`);
        assert.match(headers.get("www-authenticate") ?? "", /^Bearer/);
      }
    }
  });

  test("health is told without a token and without data, and the log is spared what is asked every second", async () => {
    const open = { authorization: "" };
    const logged = operator.log.length;
    assert.deepEqual((await operator.get("/healthz", open)).body, { status: "ok" });
    assert.deepEqual((await operator.get("/readyz", open)).body, { status: "ok" });
    operator.ready = false;
    const { status, body } = await operator.get("/readyz", open);
    operator.ready = true;
    assert.deepEqual([status, body.code], [503, "not_ready"]);
    operator.databaseAway = true;
    const away = await operator.get("/readyz", open);
    operator.databaseAway = false;
    assert.deepEqual([away.status, away.body.code], [503, "storage_unavailable"]);
    assert.equal(operator.log.length, logged);
  });

  test("an unknown path is 404, a known one with another method 405 with Allow", async () => {
    const missing = await operator.get("/v1/nothing");
    assert.deepEqual([missing.status, missing.body.code], [404, "route_not_found"]);
    const wrong = await operator.send("DELETE", "/v1/accounts");
    assert.deepEqual([wrong.status, wrong.body.code], [405, "method_not_allowed"]);
    assert.deepEqual(wrong.headers.get("allow")?.split(", ").sort(), ["GET", "POST"]);
    assert.equal(wrong.headers.get("content-type"), "application/problem+json");
  });

  test("a body that is not JSON is 400, another media type 415, a large one 413", async () => {
    const broken = await operator.post("/v1/accounts", "{");
    assert.deepEqual([broken.status, broken.body.code], [400, "request_malformed"]);
    const none = await operator.send("POST", "/v1/accounts");
    assert.deepEqual([none.status, none.body.errors[0].path], [422, "name"]);
    const form = await operator.post("/v1/accounts", "name=Acme", {
      "content-type": "application/x-www-form-urlencoded",
    });
    assert.deepEqual([form.status, form.body.code], [415, "media_type_unsupported"]);
    const large = await operator.post("/v1/accounts", { name: "x".repeat(1_100_000) });
    assert.deepEqual([large.status, large.body.code], [413, "request_too_large"]);
  });

  test("every wrong field is named at once, unknown ones too", async () => {
    const { status, body } = await operator.post("/v1/accounts", { name: "", plan: 7, colour: "red" });
    assert.deepEqual([status, body.code, body.status], [422, "request_invalid", 422]);
    assert.deepEqual(body.errors.map((error: { path: string }) => error.path).sort(), [
      "colour",
      "name",
      "plan",
    ]);
  });

  test("a cursor, a limit and an Idempotency-Key that cannot be read are refused", async () => {
    assert.equal((await operator.get("/v1/accounts?cursor=nonsense")).body.code, "cursor_invalid");
    for (const limit of ["0", "501", "1.5", "ten", ""]) {
      const { status, body } = await operator.get(`/v1/accounts?limit=${limit}`);
      assert.deepEqual([status, body.errors?.[0].path], [422, "limit"], limit);
    }
    const { status, body } = await operator.post(
      "/v1/accounts",
      { name: "Acme" },
      { "idempotency-key": "a b" },
    );
    assert.deepEqual([status, body.errors[0].path], [422, "idempotency-key"]);
  });

  test("a NUL character is the caller's mistake wherever it is, and no fault of ours", async () => {
    const account = await operator.account();
    const logged = operator.log.length;
    const answers = [
      await operator.get("/v1/accounts/%00"),
      await operator.get(`/v1/accounts/${account}/entries?endpoint=%00`),
      await operator.get("/v1/bulk-refunds/%00"),
      await operator.post("/v1/accounts", { name: "Acme", metadata: { crm: "a\0" } }),
    ];
    for (const { status, body } of answers) {
      assert.deepEqual([status, body.code], [422, "request_invalid"], JSON.stringify(body));
    }
    assert.deepEqual(operator.log.slice(logged), []);
  });

  test("a fault is 500 without its text, and in the log with it", async () => {
    const broken = new OperatorUnderTest({
      ...database,
      query: () => Promise.reject(new Error("secret of the house")),
    });
    const { status, body } = await broken.get("/v1/accounts");
    assert.deepEqual([status, body.code], [500, "internal_error"]);
    assert.doesNotMatch(JSON.stringify(body), /house/);
    assert.match(broken.log.join(""), /secret of the house/);
  });

  test("metrics are in the Prometheus text format", async () => {
    const { status, body, headers } = await operator.get("/metrics");
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", /^text\/plain/);
    assert.match(String(body), /^farebox_process_\w+/m);
  });

  test("the instance tells versions and clocks", async () => {
    const { status, body } = await operator.get("/v1/instance");
    assert.deepEqual([status, body.id, body.database.kind], [200, "ins_test", database.kind]);
    assert.ok(Math.abs(Date.parse(body.database.now) - Date.parse(body.now)) < 60_000);
    assert.ok(body.database.migration > 0);
  });

  test("the OpenAPI 3.1 document has every operation, and each mutation its Idempotency-Key", async () => {
    const { body } = await operator.get("/v1/openapi.json", { authorization: "" });
    assert.equal(body.openapi, "3.1.0");
    const documented = Object.entries<Record<string, { parameters?: { name: string }[] }>>(
      body.paths,
    ).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method: method.toUpperCase(),
        operation,
      })),
    );
    const served = operator.app.routes
      .filter(
        ({ method, path }) =>
          method !== "ALL" && path.startsWith("/v1/") && !/^\/v1\/(openapi\.json|docs)(\/|$)/.test(path),
      )
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    assert.deepEqual(
      documented.map(({ method, path }) => `${method} ${path}`).sort(),
      [...new Set(served)].sort(),
    );
    for (const { method, path, operation } of documented) {
      const hasKey = operation.parameters?.some(({ name }) => name === "idempotency-key") ?? false;
      assert.equal(hasKey, method !== "GET" && !READS_WITH_BODY.has(path), `${method} ${path}`);
    }
  });

  test("the interactive reference is served without a token, from here only, under a strict policy", async () => {
    const open = { authorization: "" };
    const page = await operator.get("/v1/docs", open);
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const loaded = [...String(page.body).matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, path]) => path);
    assert.equal(loaded.length, 3);
    for (const path of loaded) {
      const file = await operator.get(`/v1/${path}`, open);
      assert.equal(file.status, 200, path);
      assert.match(file.headers.get("content-type") ?? "", /^text\/(javascript|css)/, path);
      assert.equal(file.headers.get("x-content-type-options"), "nosniff");
    }
    for (const path of ["package.json", "..%2Fopenapi.json", "constructor", "x/y"]) {
      assert.equal((await operator.get(`/v1/docs/${path}`, open)).status, 404, path);
    }
  });

  test("a mutation leaves an audit row with its request's id; a refused one leaves none", async () => {
    const { items: earlier } = await listAudit(database, { limit: 1 });
    const { body, headers } = await operator.post("/v1/accounts", { name: "Audited" });
    await operator.post(`/v1/accounts/${body.id}/grants`, { amount: -1 });
    await operator.post(`/v1/accounts/${body.id}/grants`, { amount: 1, creditType: "nothing" });
    const { items } = await listAudit(database, { limit: 2 });
    const [line, previous] = items;
    assert.deepEqual(
      [line?.action, line?.accountId, line?.actor, line?.requestId],
      ["account.create", body.id, "operator", headers.get("x-request-id")],
    );
    assert.equal(previous?.auditId, earlier[0]?.auditId);
  });
});
