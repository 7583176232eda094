import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CorsConfig } from "../config/config.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import type { RawResponse } from "./testing/test-client.ts";
import { ok, type TestAccount, World } from "./testing/world.ts";

const PAGE = "Origin: https://app.example";
const ELSEWHERE = "Origin: https://elsewhere.example";
const CORS: CorsConfig = {
  origins: ["https://app.example", "https://*.pages.example"],
  credentials: false,
  exposeHeaders: ["X-Total"],
  maxAgeSeconds: 600,
};

function ofCors(response: RawResponse): Record<string, string> {
  const said = response.headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name.startsWith("access-control-") || name === "vary");
  assert.equal(new Set(said.map(([name]) => name)).size, said.length, "a header twice");
  return Object.fromEntries(said);
}

function exposed(response: RawResponse): readonly string[] {
  return (response.header("access-control-expose-headers") ?? "").toLowerCase().split(", ");
}

describe("pages of other origins", () => {
  let world: World;
  let account: TestAccount;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), { listener: { cors: CORS } }).open();
    account = await world.account();
  });
  after(() => world.close());

  it("a preflight of an allowed origin is answered without key and upstream, on every path", async () => {
    const seen = world.upstream.headsSeen;
    for (const path of ["/fixed", "/v1/credits", "/unpriced"]) {
      const asked = [
        PAGE,
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type, x-own",
      ];
      const response = await world.request(undefined, `OPTIONS ${path}`, asked);
      assert.equal(response.status, 204);
      assert.partialDeepStrictEqual(
        Object.fromEntries(response.headers.filter(([name]) => name !== "Vary")),
        {
          "Access-Control-Allow-Origin": "https://app.example",
          "Access-Control-Allow-Methods": "POST",
          "Access-Control-Allow-Headers": "authorization,content-type, x-own",
          "Access-Control-Max-Age": "600",
        },
      );
      const vary = response.headers.flatMap(([name, value]) => (name === "Vary" ? [value] : []));
      assert.equal(vary.join(", "), "Access-Control-Request-Method, Access-Control-Request-Headers, Origin");
    }
    assert.equal(world.upstream.headsSeen, seen);
  });

  it("what is no token is not repeated", async () => {
    const asked = [PAGE, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: a, b c"];
    const response = await world.request(undefined, "OPTIONS /fixed", asked);
    assert.equal(response.status, 204);
    assert.equal(response.header("access-control-allow-headers"), undefined);
  });

  it("origins below a name are allowed, the name itself and look-alikes are not", async () => {
    for (const [origin, status] of [
      ["https://a.pages.example", 204],
      ["https://a.b.pages.example", 204],
      ["https://pages.example", 403],
      ["https://.pages.example", 403],
      ["http://a.pages.example", 403],
      ["https://apages.example", 403],
      ["https://a.pages.example.org", 403],
      ["https://app.example:8443", 403],
      ["null", 403],
    ] as const) {
      const asked = [`Origin: ${origin}`, "Access-Control-Request-Method: GET"];
      assert.equal((await world.request(undefined, "OPTIONS /fixed", asked)).status, status, origin);
    }
  });

  it("a preflight of another origin is refused in words, and allows nothing", async () => {
    const asked = [ELSEWHERE, "Access-Control-Request-Method: GET"];
    const response = await world.request(undefined, "OPTIONS /fixed", asked);
    assert.equal(response.status, 403);
    assert.partialDeepStrictEqual(response.json(), { code: "origin_refused" });
    assert.deepEqual(ofCors(response), { vary: "Origin" });
  });

  it("OPTIONS that is no preflight is forwarded as before", async () => {
    world.upstream.answers(ok("", ["Allow: GET"]));
    const response = await world.request(undefined, "OPTIONS /fixed", [PAGE]);
    assert.deepEqual([response.status, response.header("allow")], [200, "GET"]);
  });

  it("refusals and own answers are readable", async () => {
    for (const response of [
      await world.request(undefined, "GET /fixed", [PAGE]),
      await world.request(account, "GET //", [PAGE]),
      await world.request(account, "GET /v1/credits", [PAGE]),
    ]) {
      assert.equal(response.header("access-control-allow-origin"), "https://app.example");
      assert.equal(response.header("vary"), "Origin");
      for (const name of ["x-request-id", "retry-after", "x-total"])
        assert.ok(exposed(response).includes(name));
    }
  });

  it("credit headers of charged answers are readable, streamed or whole", async () => {
    for (const answer of [ok("worth it"), ok("x".repeat(150_000))]) {
      world.upstream.answers(answer);
      const response = await world.request(account, "GET /fixed", [PAGE]);
      assert.equal(response.header("access-control-allow-origin"), "https://app.example");
      for (const name of ["credits-charged", "credits-remaining", "ratelimit"])
        assert.ok(exposed(response).includes(name));
    }
  });

  it("an upstream that answers browsers itself is not doubled, and what it exposes stays exposed", async () => {
    const own = [
      "Access-Control-Allow-Origin: *",
      "access-control-allow-credentials: true",
      "Access-Control-Expose-Headers: X-Own, ETag",
      "Access-Control-Expose-Headers: X-Second",
      "Vary: Accept-Encoding, origin",
    ];
    world.upstream.answers(ok("worth it", own));
    const response = await world.request(account, "GET /fixed", [PAGE]);
    const said = ofCors(response);
    assert.equal(said["access-control-allow-origin"], "https://app.example");
    assert.equal(said["access-control-allow-credentials"], undefined);
    assert.equal(said["vary"], "Accept-Encoding, origin");
    const names = exposed(response);
    for (const name of ["x-own", "x-second", "credits-charged"]) assert.ok(names.includes(name), name);
    assert.equal(names.filter((name) => name === "etag").length, 1);
    const stranger = await world.request(account, "GET /fixed", [ELSEWHERE]);
    assert.deepEqual(ofCors(stranger), { vary: "Accept-Encoding, origin" });
  });

  it("a replay is told anew for the page that asks", async () => {
    world.upstream.answers(ok("kept", ["Access-Control-Allow-Origin: *"]));
    const key = "Idempotency-Key: replayed";
    await world.request(account, "GET /fixed", [key]);
    const response = await world.request(account, "GET /fixed", [key, PAGE]);
    assert.equal(response.header("idempotency-replayed"), "true");
    assert.equal(ofCors(response)["access-control-allow-origin"], "https://app.example");
  });

  it("who is no browser sees only that the answer varies", async () => {
    world.upstream.answers(ok("worth it"));
    assert.deepEqual(ofCors(await world.request(account, "GET /fixed")), { vary: "Origin" });
  });
});

describe("pages of every origin", () => {
  it("one answer is for all", async (context) => {
    const cors = { ...CORS, origins: ["*"] };
    const world = await new World(await openFakeMeterUnderTest(), { listener: { cors } }).open();
    context.after(() => world.close());
    const account = await world.account();
    world.upstream.answers(ok("worth it"));
    for (const headers of [[], [ELSEWHERE]]) {
      const said = ofCors(await world.request(account, "GET /fixed", headers));
      assert.equal(said["access-control-allow-origin"], "*");
      assert.equal(said["vary"], undefined);
    }
    const broken = world.client();
    broken.write("GET /fixed HTTP/1.1\r\nA : b\r\n\r\n");
    assert.equal((await broken.response()).header("access-control-allow-origin"), "*");
  });
});

describe("pages with cookies", () => {
  it("are told so, with their own origin", async (context) => {
    const cors = { ...CORS, credentials: true };
    const world = await new World(await openFakeMeterUnderTest(), { listener: { cors } }).open();
    context.after(() => world.close());
    world.upstream.answers(ok("open", ["Access-Control-Allow-Origin: *"]));
    assert.partialDeepStrictEqual(ofCors(await world.request(undefined, "GET /open", [PAGE])), {
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
  });
});
