import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { send } from "./testing/raw-client.ts";
import type { RawResponse } from "./testing/test-client.ts";
import { chunked, ok, World } from "./testing/world.ts";

/** Prices that read the answer: what reaches the books is what the upstream said, however it said it. */
describe("a price that reads the answer", () => {
  let world: World;
  before(async () => {
    world = await new World(await openFakeMeterUnderTest(), { contract: "explorium" }).open();
  });
  after(() => world.close());

  interface Called {
    readonly response: RawResponse;
    readonly charged: string;
  }

  async function call(
    line: string,
    answer: string | Buffer,
    headers: string[] = [],
    body = "",
  ): Promise<Called> {
    const account = await world.account();
    world.upstream.answers(answer);
    const lines = [`${line} HTTP/1.1`, "Host: a", `api_key: ${account.key}`, ...headers];
    if (body !== "") lines.push("Content-Type: application/json", `Content-Length: ${body.length}`);
    const response = await send(world.port, `${lines.join("\r\n")}\r\n\r\n${body}`, line.startsWith("HEAD"));
    await account.atRest();
    return { response, charged: (await account.books()).charged };
  }

  const big = JSON.stringify({ text: "x".repeat(150_000), status: "miss", matches: [{ id: 1 }, {}] });
  const cases: [string, string, string | Buffer, string][] = [
    ["a hit", "GET /found", ok('{"status":"hit"}'), "5"],
    ["a miss", "GET /found", ok('{"status":"miss"}'), "0"],
    ["a miss in pieces", "GET /found", chunked(['{"sta', 'tus":"mi', 'ss"}']), "0"],
    ["a miss written with escapes", "GET /found", ok('{"st\\u0061tus":"mi\\u0073s"}'), "0"],
    ["of a name that occurs twice the last one", "GET /found", ok('{"status":"miss","status":"hit"}'), "5"],
    [
      "a miss in a body that is not kept",
      "GET /found",
      chunked([big.slice(0, 70_000), big.slice(70_000)]),
      "0",
    ],
    ["no JSON", "GET /found", ok("miss"), "5"],
    ["an error", "GET /found", ok('{"status":"hit"}', [], "404 Not Found"), "0"],
    [
      "the items that are not empty",
      "GET /matches",
      ok('{"matches":[{"id":1},{"id":null},null,{"id":""},{"id":[0]}]}'),
      "4",
    ],
    ["a header's sum", "GET /matches", ok('{"matches":[]}', ["X-Live: 1"]), "3"],
    ["no list", "GET /matches", ok('{"matches":{"id":1}}'), "2"],
    [
      "items of a body that is not kept",
      "GET /matches",
      chunked([big.slice(0, 70_000), big.slice(70_000)]),
      "2",
    ],
    ["12 of blocks of 10", "GET /blocks", ok(JSON.stringify({ data: Array(12).fill(0) })), "4"],
    ["1,001 bytes", "GET /bytes", ok("x".repeat(1001)), "2"],
    ["bytes of a stream", "GET /bytes", chunked(["x".repeat(1000), "y".repeat(1000)]), "2"],
    ["a cost with decimals", "GET /reported", ok('{"cost":0.0125}'), "0.0125"],
    ["a cost above the most", "GET /reported", ok('{"cost":1e3}'), "30"],
    ["no cost", "GET /reported", ok("{}"), "1"],
  ];
  for (const [what, line, answer, cost] of cases) {
    it(`${what}: ${cost}`, async () => {
      const { response, charged } = await call(line, answer);
      assert.ok(response.status === 200 || response.status === 404, String(response.status));
      assert.equal(charged, cost);
    });
  }

  it("reads a coded body, and counts its bytes without the coding", async () => {
    const zipped = (text: string): Buffer => {
      const body = gzipSync(text);
      const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
      return Buffer.concat([Buffer.from(head), body]);
    };
    const accepts = ["Accept-Encoding: gzip"];
    assert.equal((await call("GET /found", zipped('{"status":"miss"}'), accepts)).charged, "0");
    assert.equal((await call("GET /bytes", zipped("0123456789".repeat(150)), accepts)).charged, "2");
  });

  it("counts what the request asks for, up to the most", async () => {
    const asked = (fields: unknown): Promise<Called> =>
      call("POST /asked", ok("{}"), [], JSON.stringify({ fields }));
    assert.equal((await asked(["phone"])).charged, "3");
    assert.equal((await asked(["a", "b", "c", "d"])).charged, "7");
    assert.equal((await asked("phone")).charged, "7");
  });

  it("extends the body with what it cost, and stores the same for a repeat", async () => {
    const account = await world.account();
    world.upstream.answers(ok('{"matches":[{"id":1},{}],"a":1}'));
    const lines = [
      "GET /matches HTTP/1.1",
      "Host: a",
      `api_key: ${account.key}`,
      "credit-usage: true",
      "Idempotency-Key: k1",
    ];
    const request = `${lines.join("\r\n")}\r\n\r\n`;
    const first = await send(world.port, request);
    assert.match(first.body.toString(), /"credit_usage":\{"total_results":1,"total_credits":2\}/);
    const again = await send(world.port, request);
    assert.match(again.body.toString(), /"credit_usage":\{"total_results":1,"total_credits":0\}/);
    assert.equal((await account.books()).charged, "2");
  });

  it("asks for the whole answer", async () => {
    await call("GET /found", ok('{"status":"hit"}'), ["Range: bytes=0-3"]);
    assert.equal(world.upstream.requests.at(-1)?.header("range"), undefined);
  });
});
