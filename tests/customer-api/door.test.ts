import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { send } from "../conformance/call.ts";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openScene(
    `
prices: [{ match: GET /fixed, cost: 5 }]
open: ["GET /{any}/balances"]
customerApi: { path: /me }
limits: [{ match: "GET /me/prices", requests: 2, per: minute }]
`,
    "/me",
  );
});
after(() => scene.close());

test("a key is needed, and a good one", async () => {
  for (const headers of [{}, { authorization: "Bearer nonsense" }]) {
    for (const [method, path] of [
      ["GET", "/me/balances"],
      ["POST", "/me/quote"],
      ["GET", "/me/unknown"],
    ] as const) {
      const answer = await send(scene.gateway, path, { method, headers });
      assert.equal(answer.status, 401, `${method} ${path}`);
    }
  }
});

test("OPTIONS needs no key, tells the methods, and is not forwarded", async () => {
  for (const [path, status, allow] of [
    ["/me/balances", 204, "GET, HEAD, OPTIONS"],
    ["/me/quote", 204, "POST, OPTIONS"],
    ["/me/openapi.json", 204, "GET, HEAD, OPTIONS"],
    ["/me/unknown", 404, undefined],
  ] as const) {
    for (const headers of [{}, { authorization: "Bearer nonsense" }]) {
      const answer = await send(scene.gateway, path, { method: "OPTIONS", headers });
      assert.deepEqual([answer.status, answer.headers["allow"]], [status, allow], path);
    }
  }
  assert.deepEqual(scene.forwarded, []);
});

test("the OpenAPI document needs no key and says how a key is sent", async () => {
  const answer = await send(scene.gateway, "/me/openapi.json");
  assert.equal(answer.status, 200);
  const document = answer.json<{ openapi: string; paths: object; components: { securitySchemes: object } }>();
  assert.equal(document.openapi, "3.1.0");
  assert.ok("/me/balances" in document.paths);
  assert.deepEqual(document.components.securitySchemes, { key: { type: "http", scheme: "bearer" } });
});

test("a parameter that an operation does not have, or that is given twice, is refused by its name", async () => {
  const customer = await scene.openCustomer();
  const document = (await customer.get("/openapi.json")).json<{
    paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
  }>();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, "x"),
      names: parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name),
    })),
  );
  assert.ok(operations.length > 10);
  for (const { method, path, names } of operations) {
    // Files are the gateway's: they are no operation of the API.
    if (path.includes("/files/")) continue;
    const ask = async (query: string) => {
      const answer = await customer.call(method, `${path}?${query}`);
      assert.equal(answer.status, 422, `${method} ${path}?${query}: ${answer.text}`);
      return answer.json<{ errors: { path: string; reason: string }[] }>().errors[0];
    };
    assert.equal((await ask("surprise=1"))?.path, "surprise");
    for (const name of names) {
      assert.match((await ask(`${name}s=1`))?.reason ?? "", new RegExp(`did you mean ${name}\\?`));
      assert.deepEqual(await ask(`${name}=1&${name}=1`), { path: name, reason: "must be given once" });
    }
  }
  const dropped = await customer.post("/keys", '{"name":"x","__proto__":{"name":"y"}}');
  assert.equal(dropped.status, 422);
  assert.equal(dropped.json<{ errors: { path: string }[] }>().errors[0]?.path, "__proto__");
});

test("unknown paths are 404 and other methods 405, and neither is forwarded", async () => {
  const customer = await scene.openCustomer();
  for (const path of ["/unknown", "/", "/balances/", "/balances/x"]) {
    const answer = await customer.get(path);
    assert.equal(answer.status, 404, path);
    assert.equal(answer.json()["code"], "route_unknown");
  }
  for (const [method, path, allow] of [
    ["POST", "/me/balances", "GET"],
    ["DELETE", "/me/prices", "GET"],
    ["GET", "/me/quote", "POST"],
  ] as const) {
    const answer = await customer.call(method, path);
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.equal(answer.json()["code"], "method_not_allowed");
    assert.equal(answer.headers["allow"], allow);
  }
  assert.deepEqual(scene.forwarded, []);
});

test("what only looks like the prefix is forwarded like any other path", async () => {
  const customer = await scene.openCustomer();
  for (const path of ["/me", "/mean/balances", "/v1/credits/balances"]) {
    assert.equal((await customer.call("GET", path)).status, 200, path);
  }
  assert.deepEqual(scene.forwarded.splice(0), ["GET /me", "GET /mean/balances", "GET /v1/credits/balances"]);
});

test("HEAD is answered like GET, without the body", async () => {
  const customer = await scene.openCustomer();
  const get = await customer.get("/balances");
  const head = await customer.call("HEAD", "/me/balances");
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
});

test("300 requests of an account a minute over the whole API, whatever the key, then 429 with the state", async () => {
  const customer = await scene.openCustomer();
  const second = await scene.operate<{ key: string }>("POST", `/v1/accounts/${customer.id}/keys`, {});
  const authorization = `Bearer ${second.key}`;
  for (let batch = 0; batch < 15; batch += 1) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0
          ? customer.get("/balances")
          : send(scene.gateway, "/me/quote", {
              method: "POST",
              headers: { authorization },
              body: { method: "GET", path: "/fixed" },
            }),
      ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  }
  for (const answer of [await customer.get("/balances"), await customer.get("/unknown")]) {
    assert.equal(answer.status, 429);
    assert.equal(answer.json()["code"], "rate_limited");
    assert.ok(Number(answer.headers["retry-after"]) > 0);
    assert.equal(answer.headers["ratelimit-policy"], '"default";q=300;w=60');
  }
  // The API itself has no limit here, and other accounts have theirs.
  assert.equal((await customer.call("GET", "/fixed")).status, 200);
  assert.equal((await (await scene.openCustomer()).get("/balances")).status, 200);
  scene.forwarded.splice(0);
});

test("the contract's endpoint counts too where no rule matches it, and rules of the configuration count as well", async () => {
  const customer = await scene.openCustomer();
  assert.match((await customer.call("GET", "/v1/credits")).headers["ratelimit"]?.toString() ?? "", /r=299/);
  assert.match((await customer.get("/balances")).headers["ratelimit"]?.toString() ?? "", /r=298/);
  assert.equal((await customer.get("/prices")).headers["ratelimit-policy"], '"default";q=2;w=60');
  assert.equal((await customer.get("/prices")).status, 200);
  assert.equal((await customer.get("/prices")).status, 429);
  assert.equal((await customer.get("/balances")).status, 200);
});

test("nothing of it is forwarded as an upgrade, not even where open routes match", async () => {
  const customer = await scene.openCustomer();
  const upgrade = { connection: "upgrade", upgrade: "websocket" };
  for (const path of ["/me/balances", "/me/keys", "/me/openapi.json", "/v1/credits"]) {
    const answer = await customer.call("GET", path, undefined, upgrade);
    assert.deepEqual([answer.status, answer.json()["code"]], [400, "upgrade_refused"], path);
  }
  assert.equal((await send(scene.gateway, "/me/balances", { headers: upgrade })).status, 400);
  assert.deepEqual(scene.forwarded, []);
});

test("a body that is nested deeply is refused before it is parsed", async () => {
  const customer = await scene.openCustomer();
  const quoteOf = (levels: number) =>
    customer.post(
      "/quote",
      Buffer.from(`{"method":"GET","path":"/fixed","body":${"[".repeat(levels)}${"]".repeat(levels)}}`),
      { "content-type": "application/json" },
    );
  const answer = await quoteOf(63);
  assert.deepEqual([answer.status, answer.json()["most"]], [200, 5]);
  for (const levels of [64, 15_000, 400_000]) {
    const refused = await quoteOf(levels);
    assert.deepEqual([refused.status, refused.json()["code"]], [400, "request_invalid"]);
  }
});

test("a key with scopes needs one for these paths", async () => {
  const outside = await scene.openCustomer(10, ["GET /fixed"]);
  const refused = await outside.get("/balances");
  assert.deepEqual([refused.status, refused.json()["code"]], [403, "key_not_permitted"]);
  const inside = await scene.openCustomer(10, ["GET /me/*", "POST /me/quote"]);
  assert.equal((await inside.get("/balances")).status, 200);
  assert.equal((await inside.call("HEAD", "/me/balances")).status, 200);
  const quote = (await inside.post("/quote", { method: "GET", path: "/fixed" })).json();
  assert.deepEqual([quote["admitted"], quote["refusal"], quote["most"]], [false, "key_not_permitted", 5]);
});

test("wrong requests name the field, in the contract's shape, and do nothing", async (context) => {
  const customer = await scene.openCustomer();
  const json = { "content-type": "application/json" };
  const cases: readonly (readonly [number, string, string, unknown, object?])[] = [
    [400, "request_invalid", "", "{", json],
    [415, "media_type_unsupported", "", "{}", { "content-type": "text/plain" }],
    [415, "media_type_unsupported", "", "{}", { ...json, "content-encoding": "gzip" }],
    [400, "request_invalid", "", Buffer.from([0x22, 0xff, 0x22]), json],
    [413, "request_too_large", "", { method: "GET", path: "/x", body: "x".repeat(1_100_000) }],
    [422, "fields_invalid", "method", { path: "/x" }],
    [422, "fields_invalid", "method", { method: "get", path: "/x" }],
    [422, "fields_invalid", "path", { method: "GET" }],
    [422, "fields_invalid", "path", { method: "GET", path: "x" }],
    [422, "fields_invalid", "path", { method: "GET", path: "/a/../b" }],
    [422, "fields_invalid", "path", { method: "GET", path: "http://elsewhere/" }],
    [422, "fields_invalid", "headers.accept", { method: "GET", path: "/x", headers: { accept: 1 } }],
    [422, "fields_invalid", "query.a", { method: "GET", path: "/x", query: { a: ["1", 2] } }],
    [422, "fields_invalid", "run", { method: "GET", path: "/x", run: true }],
    [422, "fields_invalid", "", []],
  ];
  for (const [status, code, path, body, headers = {}] of cases) {
    await context.test(`${status} ${code} ${path}`, async () => {
      const answer = await customer.post("/quote", body, headers as Record<string, string>);
      assert.equal(answer.status, status, answer.text);
      const problem = answer.json<{ code: string; errors?: { path: string; reason: string }[] }>();
      assert.equal(problem.code, code);
      if (status === 422)
        assert.deepEqual(
          problem.errors?.map((error) => error.path),
          [path],
        );
    });
  }
  assert.deepEqual(scene.forwarded, []);
});
