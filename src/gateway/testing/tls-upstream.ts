import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from "./test-certificate.ts";

/** How an upstream ends its connection behind what it sent. */
type End = "close_notify" | "fin" | "reset";

/** A TLS server that writes what it is told and ends its connections in any way, also below TLS. */
export class TlsUpstream {
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
