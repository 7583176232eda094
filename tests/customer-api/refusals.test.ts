import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { send } from "../conformance/call.ts";
import { eventually } from "../crash/eventually.ts";
import { openScene, type Scene } from "./scene.ts";

const CONFIG = `
gateway: { maxRequestBody: 1KiB }
sidecar: { listen: "127.0.0.1:0" }
prices:
  - { match: "GET /paid", cost: 10 }
  - { match: "POST /paid", cost: 10 }
  - { match: "GET /broken", cost: 1 }
exports:
  routes:
    - match: POST /exports
      cost: 1
      maxRecords: 20
      source: { kind: pages, request: POST /search, items: /data, next: { body: /next }, send: { body: cursor } }
`;

let scene: Scene;
before(async () => {
  scene = await openScene(CONFIG, "/v1/credits", (request, response) => {
    if (request.url === "/broken") request.socket.destroy();
    else request.resume().on("end", () => response.end("{}"));
  });
});
after(() => scene?.close());

test("whatever refuses a request, the report and the metrics count it, once, by what the customer was told", async () => {
  const customer = await scene.openCustomer(3);
  const told = async (answer: Promise<{ readonly status: number }>): Promise<number> => (await answer).status;
  const large = { text: "x".repeat(2_000) };
  assert.deepEqual(
    [
      await told(customer.call("GET", "/paid")),
      await told(customer.call("POST", "/exports", {})),
      await told(customer.call("POST", "/paid", large)),
      await told(customer.call("GET", "/broken")),
      await told(customer.get("/usage?from=yesterday")),
      await told(customer.get("/calls/req_nobodys")),
      await told(send(scene.gateway, "/paid", { method: "GET" })),
      await told(authorize("fbx_nobodys")),
    ],
    [402, 402, 413, 502, 422, 404, 401, 200],
  );
  // Whether it would be refused is what a quote tells: it is an answer.
  const quote = await customer.post("/quote", { method: "GET", path: "/paid" });
  assert.partialDeepStrictEqual(quote.json(), { admitted: false });
  const wanted = [
    ["fields_invalid", null, 1],
    ["insufficient_credits", "credits", 2],
    ["key_invalid", null, 1],
    ["key_missing", null, 1],
    ["request_too_large", null, 1],
    ["resource_unknown", null, 1],
    ["upstream_unreachable", null, 1],
  ];
  // An instance adds what it counted every few seconds.
  const counted = await eventually("all of them in the report", async () => {
    const rows = await readReport();
    const sum = rows.reduce((requests, [, , count]) => requests + count, 0);
    return sum >= 8 ? rows : undefined;
  });
  assert.deepEqual(counted, wanted);
  const metrics = await fetch(`${scene.operator}/metrics`, {
    headers: { authorization: `Bearer ${scene.operatorToken}` },
  });
  const text = await metrics.text();
  for (const [code, , count] of wanted) {
    assert.ok(text.includes(`farebox_refusals_total{code="${code}"} ${count}\n`), String(code));
  }
});

async function readReport(): Promise<[code: string, creditType: string | null, requests: number][]> {
  const { rows } = await scene.operate<{
    rows: { code: string; creditType: string | null; requests: number }[];
  }>("GET", "/v1/reports/refusals");
  return rows
    .map(({ code, creditType, requests }): [string, string | null, number] => [code, creditType, requests])
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

const authorize = (key: string): Promise<Response> =>
  fetch(`${scene.sidecar}/v1/authorize`, {
    method: "POST",
    headers: { authorization: `Bearer ${scene.operatorToken}`, "content-type": "application/json" },
    body: JSON.stringify({ method: "GET", path: "/paid", key }),
  });
