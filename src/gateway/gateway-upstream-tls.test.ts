import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import type { UpstreamConfig } from "../config/config.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { openFakeMeterUnderTest } from "./testing/fake-meter-under-test.ts";
import { certificateFile } from "./testing/http2-client.ts";
import { eventualBooks, eventually, World } from "./testing/world.ts";

const CA = certificateFile("ca.pem");
const OWN = {
  ca: CA,
  cert: certificateFile("client.pem"),
  key: certificateFile("client.key"),
  serverName: undefined,
};

/** An upstream that asks for a certificate, and speaks HTTP/2 and HTTP/1.1. */
class SecureUpstream {
  /** Protocol, name of the client's certificate, and method of each request. */
  readonly seen: string[] = [];
  /** Answers by HTTP/2 in another way. */
  answer: ((stream: ServerHttp2Stream) => void) | undefined;
  readonly #server: Http2SecureServer;

  constructor() {
    this.#server = createSecureServer({
      allowHTTP1: true,
      cert: readFileSync(certificateFile("first.pem")),
      key: readFileSync(certificateFile("first.key")),
      ca: readFileSync(CA),
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.#server.on("request", (request, response) => {
      const socket = request.httpVersion === "2.0" ? request.stream.session?.socket : request.socket;
      const subject = (socket as TLSSocket).getPeerCertificate().subject as { CN?: string } | undefined;
      this.seen.push(`${request.httpVersion} ${subject?.CN ?? "nobody"} ${request.method} ${request.url}`);
      if (request.httpVersion === "2.0" && this.answer !== undefined) {
        this.answer(request.stream);
        return;
      }
      request.resume().on("end", () => {
        response.setHeader("content-type", "application/json");
        response.end('{"data":[1,2,3]}');
      });
    });
    this.#server.on("sessionError", () => undefined);
  }

  async open(context: TestContext): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const sockets = new Set<Socket>();
    this.#server.on("connection", (socket: Socket) => sockets.add(socket));
    context.after(() => {
      for (const socket of sockets) socket.destroy();
      this.#server.close();
    });
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}

async function open(
  context: TestContext,
  options: Partial<UpstreamConfig>,
): Promise<{ world: World; upstream: SecureUpstream }> {
  const upstream = new SecureUpstream();
  const url = await upstream.open(context);
  const config: UpstreamConfig = {
    name: "secure",
    url,
    host: undefined,
    pathPrefix: undefined,
    headers: {},
    connectTimeoutMs: 2_000,
    headersTimeoutMs: 1_000,
    bodyTimeoutMs: 1_000,
    maxConnections: 4,
    ...options,
  };
  const world = new World(await openFakeMeterUnderTest(), { config: { upstreams: [config] } });
  context.after(() => world.close());
  await world.open();
  return { world, upstream };
}

describe("an upstream by TLS", () => {
  it("is known by the authority that is configured, and shown the gateway's certificate", async (context) => {
    const { world, upstream } = await open(context, { tls: OWN });
    const account = await world.account();
    const response = await world.request(account, "GET /fixed");
    assert.deepEqual([response.status, response.body.toString()], [200, '{"data":[1,2,3]}']);
    assert.deepEqual(upstream.seen, ["1.1 client GET /fixed"]);
  });

  it("that nobody known has signed, or of another name, is out of reach and free", async (context) => {
    for (const tls of [undefined, { ...OWN, serverName: "other.example" }]) {
      const { world, upstream } = await open(context, { tls });
      const account = await world.account();
      assert.equal((await world.request(account, "GET /fixed")).status, 502);
      assert.deepEqual([upstream.seen, (await account.books()).charged], [[], "0"]);
    }
  });

  it("of the configured name is reached by its address", async (context) => {
    const { world } = await open(context, { tls: { ...OWN, serverName: "api.example" } });
    assert.equal((await world.request(await world.account(), "GET /fixed")).status, 200);
  });

  it("whose files are missing or none keeps the gateway from opening", async (context) => {
    for (const [file, reason] of [
      ["missing.pem", /The upstream secure: .*missing\.pem cannot be read/],
      ["first.key", /The upstream secure: the certificates cannot be used/],
    ] as const) {
      await assert.rejects(
        open(context, { tls: { ...OWN, cert: certificateFile(file) } }),
        (error: unknown) => {
          assert.ok(error instanceof FareboxError);
          assert.equal(error.code, "certificate_invalid");
          assert.match(error.message, reason);
          return true;
        },
      );
    }
  });
});

describe("an upstream by HTTP/2", () => {
  it("is spoken to by HTTP/2: answers are priced, counted, extended and bodies sent", async (context) => {
    const { world, upstream } = await open(context, { tls: OWN, http2: true });
    const account = await world.account();
    for (const [line, body, charged] of [
      ["GET /fixed", "", "5"],
      ["POST /fixed", "u".repeat(150_000), "10"],
      ["GET /results", "", "13"],
      ["HEAD /listed", "", "14"],
    ] as const) {
      const response = await world.request(account, line, [], body);
      assert.equal(response.status, 200, line);
      assert.equal((await account.books()).charged, charged, line);
    }
    assert.ok(
      upstream.seen.every((text) => text.startsWith("2.0 client ")),
      upstream.seen.join(),
    );
  });

  const breaks: readonly (readonly [string, (stream: ServerHttp2Stream) => void])[] = [
    [
      "is reset",
      (stream) => {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.write("half", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
      },
    ],
    [
      "loses its connection",
      (stream) => {
        stream.respond({ ":status": 200 });
        stream.write("half", () => stream.session?.destroy());
      },
    ],
    [
      "is shorter than its length",
      (stream) => {
        stream.respond({ ":status": 200, "content-length": 10 });
        stream.end("half");
      },
    ],
    ["never begins", (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
  ];
  for (const [name, answer] of breaks) {
    for (const path of ["/fixed", "/results"]) {
      it(`an answer of GET ${path} that ${name} is none, and free`, async (context) => {
        const { world, upstream } = await open(context, { tls: OWN, http2: true });
        const account = await world.account();
        upstream.answer = answer;
        const response = await world.request(account, `GET ${path}`);
        assert.ok(response.status === 502 || !response.complete, `${response.status}, complete`);
        await eventually(() => world.finished.length === 1);
        const books = await eventualBooks(account, ({ charged, refunded }) => charged === refunded);
        assert.equal(books.balance, "1000");
      });
    }
  }
});
