import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import {
  createServer as createTlsServer,
  type SecureVersion,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import { Pool } from "undici";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "../testing/test-certificate.ts";
import { connectUpstream } from "./upstream-connector.ts";

/** How an upstream ends its connection behind what it sent. */
type End = "close_notify" | "fin" | "reset";

/** A TLS server that writes what it is told and ends its connections in any way, also below TLS. */
class TlsUpstream {
  answer = "";
  end: End = "close_notify";
  readonly #transports = new Map<number, Socket>();
  readonly #tls: TlsServer;
  readonly #server: Server;

  constructor() {
    this.#tls = createTlsServer({ key: TEST_CERTIFICATE_KEY, cert: TEST_CERTIFICATE }, (socket) => {
      socket.on("error", () => socket.destroy()).once("data", () => this.#serve(socket));
    });
    this.#server = createServer((transport) => {
      this.#transports.set(transport.remotePort ?? 0, transport);
      transport.on("error", () => transport.destroy());
      this.#tls.emit("connection", transport);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    return address.port;
  }

  close(): void {
    for (const transport of this.#transports.values()) transport.destroy();
    this.#server.close();
  }

  #serve(socket: TLSSocket): void {
    const transport = this.#transports.get(socket.remotePort ?? 0);
    socket.write(this.answer, () => {
      if (this.end === "close_notify") socket.end();
      else if (this.end === "fin") transport?.end();
      else transport?.resetAndDestroy();
    });
  }
}

describe("a connection to an upstream over TLS", () => {
  const upstream = new TlsUpstream();
  let port = 0;
  before(async () => {
    port = await upstream.listen();
  });
  after(() => upstream.close());

  async function read(version: SecureVersion, slowly: boolean): Promise<string> {
    const connect = connectUpstream({
      ca: TEST_CERTIFICATE,
      minVersion: version,
      maxVersion: version,
      allowH2: false,
    });
    const pool = new Pool(`https://localhost:${port}`, { connect });
    try {
      const { body } = await pool.request({ path: "/", method: "GET" });
      let size = 0;
      for await (const chunk of body) {
        size += (chunk as Buffer).length;
        // A turn of the loop between two reads: the reader falls behind, and its connection is paused.
        if (slowly) await new Promise((resolve) => setImmediate(resolve));
      }
      return `${size} bytes`;
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    } finally {
      await pool.destroy();
    }
  }

  for (const size of [10, 3_000_000]) {
    const text = "x".repeat(size);
    const untilClose = `HTTP/1.1 200 OK\r\n\r\n${text}`;
    const withLength = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n${text}`;
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const slowly of [false, true]) {
        const how = `${size} bytes, ${version}, ${slowly ? "read slowly" : "read at once"}`;

        it(`ends a body without length by close_notify only (${how})`, async () => {
          upstream.answer = untilClose;
          upstream.end = "close_notify";
          assert.equal(await read(version, slowly), `${size} bytes`);
          for (const end of ["fin", "reset"] as const) {
            upstream.end = end;
            assert.equal(await read(version, slowly), "UND_ERR_SOCKET", end);
          }
        });

        it(`needs none for a body with a length (${how})`, async () => {
          upstream.answer = withLength;
          for (const end of ["close_notify", "fin"] as const) {
            upstream.end = end;
            assert.equal(await read(version, slowly), `${size} bytes`, end);
          }
        });
      }
    }
  }
});
