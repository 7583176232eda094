import assert from "node:assert/strict";
import { describe } from "node:test";
import { it } from "../rows.ts";
import { chunked, ok, type World } from "../world.ts";

/** How an upstream frames a body. */
const FRAMES: readonly (readonly [string, (body: string, status?: string) => string])[] = [
  ["whole", (body, status) => ok(body, [], status)],
  [
    "streamed",
    (body, status = "200 OK") => chunked([body.slice(0, 3), body.slice(3)]).replace("200 OK", status),
  ],
];

interface Row {
  readonly line: string;
  readonly status: string;
  readonly body: string;
  readonly charged: string;
}

const ROWS: readonly Row[] = [
  { line: "GET /fixed", status: "200 OK", body: "some text", charged: "5" },
  { line: "GET /fixed", status: "201 Created", body: "some text", charged: "5" },
  { line: "GET /fixed", status: "206 Partial Content", body: "some text", charged: "5" },
  { line: "GET /fixed", status: "302 Found", body: "elsewhere", charged: "0" },
  { line: "GET /fixed", status: "400 Bad Request", body: '{"error":1}', charged: "0" },
  { line: "GET /fixed", status: "404 Not Found", body: '{"error":1}', charged: "0" },
  { line: "GET /fixed", status: "429 Slow Down", body: '{"error":1}', charged: "0" },
  { line: "GET /fixed", status: "500 Oh No", body: '{"error":1}', charged: "0" },
  { line: "GET /processed", status: "200 OK", body: "some text", charged: "10" },
  { line: "GET /processed", status: "404 Not Found", body: "no data", charged: "10" },
  { line: "GET /processed", status: "422 Unprocessable", body: "bad input", charged: "0" },
  { line: "GET /processed", status: "503 Unavailable", body: "sorry", charged: "0" },
  { line: "GET /listed", status: "200 OK", body: "some text", charged: "3" },
  { line: "GET /listed", status: "404 Not Found", body: "some text", charged: "3" },
  { line: "GET /listed", status: "201 Created", body: "some text", charged: "0" },
  { line: "GET /results", status: "200 OK", body: '{"data":[1,2,3]}', charged: "3" },
  { line: "GET /results", status: "200 OK", body: '{"data":[]}', charged: "0" },
  { line: "GET /results", status: "404 Not Found", body: '{"data":[1]}', charged: "0" },
  { line: "GET /unpriced", status: "200 OK", body: "some text", charged: "0" },
];

/** What is charged when all goes well, by status and framing, with and without an Idempotency-Key. */
export function describeCharging(open: () => World): void {
  describe("what is charged", () => {
    for (const { line, status, body, charged } of ROWS) {
      for (const [framing, frame] of FRAMES) {
        for (const idempotent of [false, true]) {
          it(`${line}, ${status}, ${framing}${idempotent ? ", with Idempotency-Key" : ""}: ${charged}`, async () => {
            const world = open();
            const account = await world.account();
            world.upstream.answers(frame(body, status));
            const response = await world.request(account, line, idempotent ? ["Idempotency-Key: k"] : []);
            // HTTP/2 has no words beside the status.
            if (world.speaksHttp2) assert.equal(String(response.status), status.slice(0, 3));
            else assert.equal(`${response.status} ${response.statusText}`, status);
            assert.equal(response.body.toString(), body);
            assert.ok(response.complete);
            const books = await account.books();
            assert.equal(books.charged, charged);
            const isCharged = books.entries.length > 0 || (line === "GET /results" && status === "200 OK");
            assert.equal(response.header("credits-charged"), isCharged ? charged : undefined);
            assert.equal(response.header("credits-remaining"), isCharged ? books.balance : undefined);
          });
        }
      }
    }
  });
  describeMax(open);
  describeMethods(open);
  describeRelaying(open);
}

/** The caller's own bound on what a call may cost. */
function describeMax(open: () => World): void {
  describe("Credits-Max", () => {
    const many = JSON.stringify({ data: Array.from({ length: 40 }, (_, id) => id) });
    const headers = ["Credits-Max: 10", "Content-Type: application/json"];
    for (const [framing, frame] of FRAMES) {
      for (const key of [[], ["Idempotency-Key: m"]]) {
        const name = `${framing}${key.length > 0 ? ", with Idempotency-Key" : ""}`;
        it(`binds the charge where the upstream returns more than it was asked for, ${name}`, async () => {
          const world = open();
          const account = await world.account();
          world.upstream.answers(frame(many));
          const response = await world.request(account, "POST /results", [...headers, ...key], '{"size":10}');
          assert.equal(response.header("credits-charged"), "10");
          assert.equal(response.body.toString(), many);
          const { charged, uncollected, balance } = await account.books();
          assert.deepEqual([charged, uncollected, balance], ["10", "30", "990"]);
        });
      }
    }

    it("leaves the charge alone where it is enough", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok('{"data":[1,2,3]}'));
      await world.request(account, "POST /results", headers, '{"size":10}');
      const { charged, uncollected } = await account.books();
      assert.deepEqual([charged, uncollected], ["3", "0"]);
    });
  });
}

function describeMethods(open: () => World): void {
  describe("methods and ranges", () => {
    const heads: [string, string, string][] = [
      ["GET's, where no price names it", "HEAD /fixed", "5"],
      ["its own", "HEAD /listed", "1"],
      ["nothing, where its GET's says so", "HEAD /head/free", "0"],
      ["nothing, where its GET is free", "HEAD /unpriced", "0"],
      ["the floor, where GET's counts in the body", "HEAD /results", "2"],
    ];
    for (const [what, line, charged] of heads) {
      it(`${line} costs ${what}: ${charged}, and has the length that GET would have`, async () => {
        const world = open();
        const account = await world.account();
        world.upstream.answers("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
        const response = await world.request(account, line);
        assert.equal(response.header("content-length"), "77");
        assert.equal(response.header("credits-charged"), charged === "0" ? undefined : charged);
        assert.equal((await account.books()).charged, charged);
      });
    }

    it("HEAD is refused without credits, as its GET is", async () => {
      const world = open();
      const account = await world.account();
      const before = world.upstream.requests.length;
      const response = await world.request(account, "HEAD /fixed", ["Credits-Max: 4"]);
      assert.equal(response.status, 402);
      assert.equal(world.upstream.requests.length, before);
    });

    it("a method that no price can name is refused where another has a price", async () => {
      const world = open();
      const account = await world.account();
      const before = world.upstream.requests.length;
      const response = await world.request(account, "LOCK /fixed");
      assert.equal(response.status, 405);
      assert.equal(response.header("allow"), "GET, POST");
      assert.equal(world.upstream.requests.length, before);
      world.upstream.answers(ok("locked"));
      assert.equal((await world.request(account, "LOCK /unpriced")).status, 200);
    });

    it("OPTIONS is never priced and never authenticated", async () => {
      const world = open();
      world.upstream.answers(ok("", ["Access-Control-Allow-Origin: *"], "204 No Content"));
      const response = await world.request(undefined, "OPTIONS /fixed", ["Origin: https://a.example"]);
      assert.equal(response.status, 204);
      assert.equal(response.header("access-control-allow-origin"), "*");
    });

    it("304 is free", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n');
      const response = await world.request(account, "GET /fixed", ['If-None-Match: "a"']);
      assert.equal(response.status, 304);
      assert.equal(response.header("etag"), '"a"');
      assert.equal((await account.books()).charged, "0");
    });

    it("informational responses are not the answer", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok("done")}`);
      const response = await world.request(account, "GET /fixed");
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), "done");
      assert.equal((await account.books()).charged, "5");
    });

    it("3xx are not followed", async () => {
      const world = open();
      const account = await world.account();
      const before = world.upstream.requests.length;
      world.upstream.answers(ok("", ["Location: /other"], "307 Temporary Redirect"));
      const response = await world.request(account, "GET /fixed");
      assert.equal(response.header("location"), "/other");
      assert.equal(world.upstream.requests.length, before + 1);
    });

    it("Range passes on fixed prices and is removed where results are counted", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("ab", ["Content-Range: bytes 0-1/9"], "206 Partial Content"));
      await world.request(account, "GET /fixed", ["Range: bytes=0-1", "If-Range: x"]);
      assert.equal(world.upstream.requests.at(-1)?.header("range"), "bytes=0-1");
      world.upstream.answers(ok('{"data":[1]}'));
      await world.request(account, "GET /results", [
        "Range: bytes=0-1",
        "If-Range: x",
        "Accept-Encoding: gzip",
      ]);
      const counted = world.upstream.requests.at(-1);
      assert.equal(counted?.header("range"), undefined);
      assert.equal(counted?.header("if-range"), undefined);
      assert.equal(counted?.header("accept-encoding"), "gzip");
    });
  });
}

function describeRelaying(open: () => World): void {
  describe("relaying", () => {
    it("keeps status, body, order and spelling, and drops what is forged", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(
        ok("x", [
          "X-b: 1",
          "Set-Cookie: a",
          "set-cookie: b",
          "Credits-Remaining: 999999",
          "X-B: 2",
          "X-Request-Id: theirs",
        ]),
      );
      const response = await world.request(account, "GET /unpriced");
      const names = response.headers.map(([name]) => name);
      // HTTP/2 has lower case alone, and Node puts together what has the same name.
      const expected = world.speaksHttp2
        ? ["content-length", "x-b", "x-b", "set-cookie", "set-cookie"]
        : ["Content-Length", "X-b", "Set-Cookie", "set-cookie", "X-B"];
      assert.deepEqual(names.slice(0, 5), expected);
      assert.equal(response.header("credits-remaining"), undefined);
      assert.match(response.header("x-request-id") ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    });

    for (const text of ["", "Tr\u00e8s bien", "a\x01b"]) {
      it(`a status text of ${JSON.stringify(text)} does not break the answer`, async () => {
        const world = open();
        const account = await world.account();
        world.upstream.answers(Buffer.from(ok("x", [], `200 ${text}`), "latin1"));
        const response = await world.request(account, "GET /fixed");
        assert.equal((await account.books()).charged, response.status === 200 ? "5" : "0");
        assert.ok([200, 502].includes(response.status));
      });
    }

    it("marks charged responses as private unless the upstream says otherwise", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("x"));
      assert.equal((await world.request(account, "GET /fixed")).header("cache-control"), "private, no-store");
      world.upstream.answers(ok("x", ["cache-control: max-age=5"]));
      assert.equal((await world.request(account, "GET /fixed")).header("cache-control"), "max-age=5");
      world.upstream.answers(ok("x", [], "500 No"));
      assert.equal((await world.request(account, "GET /fixed")).header("cache-control"), undefined);
    });

    it("the upstream sees its own credentials, ours of the caller, and no key", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("x"));
      await world.request(account, "GET /fixed?a=1&b=%20", [
        "X-Farebox-Account: acc_evil",
        "X-Upstream-Token: evil",
      ]);
      const request = world.upstream.requests.at(-1);
      assert.equal(request?.target, "/fixed?a=1&b=%20");
      assert.equal(request?.header("authorization"), undefined);
      assert.equal(request?.header("x-upstream-token"), "of-the-provider");
      assert.equal(request?.header("x-farebox-account"), account.accountId);
      assert.equal(request?.header("x-forwarded-host"), "api.example");
      assert.equal(request?.headers.filter(([name]) => name.toLowerCase() === "x-farebox-account").length, 1);
    });

    it("trailers are dropped", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(
        chunked(["abc"], ["Trailer: Credits-Charged"], "0\r\nCredits-Charged: 0\r\n\r\n"),
      );
      const response = await world.request(account, "GET /fixed");
      assert.equal(response.body.toString(), "abc");
      assert.equal(response.header("trailer"), undefined);
      assert.equal(response.header("credits-charged"), "5");
    });
  });
}
