import assert from "node:assert/strict";
import { test } from "node:test";
import { FareboxError } from "../domain/farebox-error.ts";
import { createTransport, type Transport } from "./transport.ts";

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A transport whose answers are given, one after the other, the last one again and again; and what it sent. */
function answering(...answers: readonly (() => Response | Promise<Response>)[]): {
  readonly transport: Transport;
  readonly sent: Sent[];
} {
  const sent: Sent[] = [];
  const transport = createTransport({
    url: "http://127.0.0.1:1/under/",
    token: "secret",
    fetch: async (url, init) => {
      const request = new Request(url, init);
      sent.push({
        url: request.url,
        method: request.method,
        headers: request.headers,
        body: await request.text(),
      });
      return await (answers[Math.min(sent.length, answers.length) - 1] ?? assert.fail())();
    },
  });
  return { transport, sent };
}

const json = (body: unknown, status = 200): Response => Response.json(body, { status });
const refused = (): never => {
  throw new TypeError("fetch failed");
};

const rejectsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof FareboxError);
  assert.equal(error.code, code);
  return true;
};

test("a request carries the token, its query, its body, and keeps the address's own path", async () => {
  const { transport, sent } = answering(() => json({ ok: true }));
  await transport.readJson({
    method: "GET",
    path: "/v1/accounts",
    query: { q: "a&b", limit: 2, state: undefined },
  });
  await transport.readJson({ method: "POST", path: "/v1/accounts", content: { name: "Acme" } });
  const [list, create] = sent;
  assert.equal(list?.url, "http://127.0.0.1:1/under/v1/accounts?q=a%26b&limit=2");
  assert.equal(list?.headers.get("authorization"), "Bearer secret");
  assert.equal(list?.headers.get("idempotency-key"), null);
  assert.equal(create?.body, '{"name":"Acme"}');
  assert.equal(create?.headers.get("content-type"), "application/json");
});

test("a mutation that finds no instance is sent again under the same Idempotency-Key, until it is answered", async () => {
  const { transport, sent } = answering(
    refused,
    () => json({ code: "storage_unavailable", detail: "later" }, 503),
    () => json({ id: 1 }),
  );
  assert.deepEqual(await transport.readJson({ method: "POST", path: "/v1/accounts", content: {} }), {
    id: 1,
  });
  const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
  assert.equal(keys.length, 3);
  assert.match(keys[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys).size, 1);
  await transport.readJson({ method: "POST", path: "/v1/accounts", content: {} });
  assert.notEqual(sent[3]?.headers.get("idempotency-key"), keys[0], "the next call is another mutation");
});

test("an Idempotency-Key of the caller's own is used", async () => {
  const { transport, sent } = answering(() => json({}));
  await transport.readJson({ method: "POST", path: "/v1/accounts", content: {}, idempotencyKey: "order-7" });
  assert.equal(sent[0]?.headers.get("idempotency-key"), "order-7");
});

test("four tries without an answer are instance_unreachable; four of 503 are the API's own code", async () => {
  const silent = answering(refused);
  await assert.rejects(silent.transport.readJson({ method: "GET", path: "/" }), (error) => {
    assert.ok(error instanceof FareboxError);
    assert.deepEqual([error.code, error.retryable], ["instance_unreachable", true]);
    return true;
  });
  assert.equal(silent.sent.length, 4);
  const broken = answering(() => json({ code: "storage_unavailable", detail: "later" }, 503));
  await assert.rejects(broken.transport.readJson({ method: "GET", path: "/" }), (error) => {
    assert.ok(error instanceof FareboxError);
    assert.deepEqual([error.code, error.retryable], ["storage_unavailable", true]);
    return true;
  });
  assert.equal(broken.sent.length, 4);
});

test("a refusal is thrown at once with its code, status, text and fields", async () => {
  const errors = [{ path: "name", reason: "must not be empty" }];
  const { transport, sent } = answering(() =>
    json({ code: "request_invalid", detail: "These fields …", errors }, 422),
  );
  await assert.rejects(transport.readJson({ method: "POST", path: "/", content: {} }), (error) => {
    assert.ok(error instanceof FareboxError);
    assert.deepEqual(
      [error.code, error.message, error.retryable, error.detail],
      ["request_invalid", "These fields …", false, { status: 422, errors }],
    );
    return true;
  });
  assert.equal(sent.length, 1);
});

test("an answer that is no JSON, of whatever status, is not a Farebox's", async () => {
  for (const status of [200, 404]) {
    const { transport } = answering(() => new Response("<html>", { status }));
    await assert.rejects(
      transport.readJson({ method: "GET", path: "/" }),
      rejectsWith("instance_unreachable"),
    );
  }
});

test("a try that takes too long is instance_timeout and is not repeated, in the head and in the body", async () => {
  const hanging: typeof globalThis.fetch = (_url, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
  const dripping: typeof globalThis.fetch = async (_url, init) =>
    new Response(
      new ReadableStream({
        start: (controller) =>
          init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason)),
      }),
    );
  for (const fetch of [hanging, dripping]) {
    let sent = 0;
    const transport = createTransport({
      url: "http://127.0.0.1:1",
      token: "x",
      fetch: (...args) => {
        sent += 1;
        return fetch(...args);
      },
    });
    await assert.rejects(
      transport.readJson({ method: "GET", path: "/", timeoutMs: 5 }),
      rejectsWith("instance_timeout"),
    );
    assert.equal(sent, 1);
  }
});

test("the caller's signal ends a request between its tries", async () => {
  const ended = new AbortController();
  const { transport, sent } = answering(() => {
    ended.abort(new Error("enough"));
    return refused();
  });
  await assert.rejects(
    transport.readJson({ method: "GET", path: "/", signal: ended.signal }),
    /enough|fetch failed/,
  );
  assert.equal(sent.length, 1);
});

test("a stream is handed on as it comes; a refused one is thrown", async () => {
  const { transport, sent } = answering(
    () => new Response("id\nacc_1\n"),
    () => json({ code: "operator_unauthorized", detail: "no" }, 401),
  );
  const request = { method: "GET", path: "/v1/accounts", accept: "text/csv" } as const;
  assert.equal(await new Response(await transport.readStream(request)).text(), "id\nacc_1\n");
  assert.equal(sent[0]?.headers.get("accept"), "text/csv");
  await assert.rejects(transport.readStream(request), rejectsWith("operator_unauthorized"));
});
