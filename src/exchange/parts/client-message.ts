import type { Socket } from "node:net";
import type { Readable } from "node:stream";

/** A client's request as the steps read it, by HTTP/1.1 (Node's `IncomingMessage`) or HTTP/2. */
export interface ClientRequest extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** `1.0`, `1.1` or `2`; what else the client wrote there. */
  readonly httpVersion: string;
  /** Names and values in turn. Of HTTP/2 as HTTP/1.1 would have them: with `host`, without pseudo headers. */
  readonly rawHeaders: string[];
  /** The whole body has arrived. */
  readonly complete: boolean;
  /** Of HTTP/1.1 only: a stream has none for itself. */
  readonly socket?: Socket;
}

/** The answer as the steps write it. */
export interface ClientResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  readonly writableNeedDrain: boolean;
  /** False: the answer says that it is the connection's last. HTTP/2 has other means, and ignores it. */
  shouldKeepAlive: boolean;
  writeContinue(): void;
  /** `headers`: names and values in turn. */
  writeHead(status: number, statusText: string, headers: string[]): unknown;
  flushHeaders(): void;
  /** False: the client should take what there is first. */
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  /** Breaks the answer off, so that the client sees that it is not complete. */
  destroy(): unknown;
  on(event: ResponseEvent, listener: () => void): unknown;
  once(event: ResponseEvent, listener: () => void): unknown;
  off(event: ResponseEvent, listener: () => void): unknown;
}

type ResponseEvent = "drain" | "close" | "finish" | "error";
