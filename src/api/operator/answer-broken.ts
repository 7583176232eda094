import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { FareboxError } from "../../domain/farebox-error.ts";
import { describeProblem, PROBLEM_TYPE } from "../problem.ts";

/** Answers bytes that are no request, or one that did not arrive in time, and ends the connection. Listens to `clientError`. */
export function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable || isUnused(error, socket)) {
    socket.destroy();
    return;
  }
  const { status, body } = describeProblem(new FareboxError("request_malformed", reasonOf(error.code)));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  socket.once("finish", () => socket.destroy());
}

/**
 * Whether nothing came at all. Browsers open connections before they need them, and would take what is said there for the answer to the
 * request that they send next.
 */
function isUnused(error: NodeJS.ErrnoException, socket: Duplex): boolean {
  return error.code === "ERR_HTTP_REQUEST_TIMEOUT" && "bytesRead" in socket && socket.bytesRead === 0;
}

/** The answer to a request whose target or `Host` no address can be made of. */
export function answerUnaddressed(error: unknown): Response {
  const reason = error instanceof Error ? error.message : "The address cannot be read";
  const { status, body } = describeProblem(new FareboxError("request_malformed", `${reason}.`));
  return new Response(body, { status, headers: { "content-type": PROBLEM_TYPE } });
}

function reasonOf(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return "The request's headers are too large.";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "The request did not arrive in time.";
  return "The request is not valid HTTP/1.1.";
}
