import type { Server } from "node:http";
import {
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from "node:http2";
import type { Socket } from "node:net";
import { createServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import type { GatewayLimits, TlsConfig } from "../../config/config.ts";
import { type CertificateEvents, CertificateWatch, readCertificate } from "./certificate.ts";

/**
 * Resets by clients that a session may have at once, and a second. Each has been a request that cost us work: without a bound
 * one connection opens and resets thousands ("rapid reset", CVE-2023-44487).
 */
const RESET_BURST = 200;
const RESETS_A_SECOND = 50;
/** Frames that are errors, after which a session is ended. */
const MAX_INVALID_FRAMES = 100;
/** Pseudo headers come on top of the headers that are counted. */
const PSEUDO_HEADERS = 5;
/** The highest stream there can be: nothing under way is refused, and the client opens no more (RFC 9113 §6.8). */
const LAST_STREAM = 2 ** 31 - 1;

export interface TlsListenerOptions {
  readonly tls: TlsConfig;
  readonly limits: GatewayLimits;
  readonly events: CertificateEvents;
  /** Serves what speaks HTTP/1.1. It listens to nothing itself. */
  readonly http1: Server;
  /** A connection before its handshake; false when it is refused and ended. */
  admit(socket: Socket): boolean;
  serveSession(session: ServerHttp2Session, socket: TLSSocket): void;
  serveStream(
    session: ServerHttp2Session,
    stream: ServerHttp2Stream,
    raw: readonly string[],
    ended: boolean,
  ): void;
}

/** Takes connections by TLS and hands them on by what the client chose (ALPN): HTTP/2 sessions, or HTTP/1.1. */
export class TlsListener {
  readonly server: TlsServer;
  readonly #options: TlsListenerOptions;
  readonly #watch: CertificateWatch;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #isEnding = false;

  /** Throws FareboxError `certificate_invalid`. */
  constructor(options: TlsListenerOptions) {
    this.#options = options;
    const { tls, limits } = options;
    const certificate = readCertificate(tls);
    const { cert, key } = certificate;
    this.server = createServer({
      cert,
      key,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.headersTimeoutMs,
      noDelay: true,
    });
    this.#watch = new CertificateWatch(
      tls,
      certificate,
      (read) => this.server.setSecureContext({ cert: read.cert, key: read.key }),
      options.events,
    );
    this.server.on("connection", (socket: Socket) => this.#connected(socket));
    this.server.on("secureConnection", (socket: TLSSocket) => this.#secured(socket));
    // Who does not finish the handshake is none to answer.
    this.server.on("tlsClientError", (_error, socket) => socket.destroy());
  }

  /** Looks for another certificate now. */
  reload(): void {
    this.#watch.look();
  }

  /** Clients open no further stream here; those under way, and those that are on their way, are served. */
  announceEnd(): void {
    this.#isEnding = true;
    for (const session of this.#sessions) announce(session);
  }

  /** Takes no more connections and streams, and lets those under way end. */
  close(closed: () => void): void {
    this.#isEnding = true;
    this.#watch.stop();
    this.server.close(() => closed());
    this.#options.http1.close();
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (!this.#options.admit(socket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #secured(socket: TLSSocket): void {
    if (socket.alpnProtocol === "h2") this.#openSession(socket);
    else this.#options.http1.emit("connection", socket);
  }

  #openSession(socket: TLSSocket): void {
    const session = performServerHandshake(socket, sessionOptions(this.#options));
    this.#sessions.add(session);
    session.on("error", () => session.destroy());
    session.once("close", () => this.#sessions.delete(session));
    session.on(
      "stream",
      (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: readonly string[]) => {
        const isEnded = (flags & END_STREAM) !== 0;
        this.#options.serveStream(session, stream, raw, isEnded);
      },
    );
    this.#options.serveSession(session, socket);
    if (this.#isEnding) announce(session);
  }
}

const END_STREAM = 0x1;

function announce(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.goaway(0, LAST_STREAM);
}

function sessionOptions({ tls, limits }: TlsListenerOptions): ServerSessionOptions {
  return {
    maxHeaderListPairs: limits.maxHeaderCount + PSEUDO_HEADERS,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_A_SECOND,
    settings: {
      maxConcurrentStreams: tls.maxStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      enableConnectProtocol: false,
    },
  };
}
