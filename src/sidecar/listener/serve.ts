import type { IncomingMessage, ServerResponse } from "node:http";
import { FareboxError } from "../../domain/farebox-error.ts";
import { EXT_PROC_PATH, extProc } from "../ext-proc/ext-proc.ts";
import { forwardAuth } from "../forward-auth/forward-auth.ts";
import { FORWARD_AUTH_PATH, readOriginal } from "../forward-auth/read-original.ts";
import { OPERATIONS, type Operation } from "../operations.ts";
import { describeProblem, ending, isFault } from "../problem.ts";
import type { SidecarOperation } from "../sidecar-events.ts";
import type { SidecarParts } from "../sidecar-parts.ts";
import { readJson } from "./read-json.ts";

/** Every path has one operation, by POST. */
const BY_PATH: ReadonlyMap<string, Operation> = new Map(
  OPERATIONS.map((operation) => [operation.path, operation]),
);

/** Answers one call. Never rejects. */
export async function serve(
  parts: SidecarParts,
  document: () => object,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const since = performance.now();
  const [path = ""] = (request.url ?? "").split("?", 1);
  const operation = BY_PATH.get(path);
  const isForward = path === FORWARD_AUTH_PATH || path.startsWith(`${FORWARD_AUTH_PATH}/`);
  const isExtProc = path === EXT_PROC_PATH;
  const name: SidecarOperation =
    operation?.name ?? (isForward ? "forward-auth" : isExtProc ? "ext-proc" : "other");
  try {
    if (isForward) {
      await serveForwardAuth(parts, request, response);
      parts.events.answered(name, response.statusCode, performance.now() - since);
      return;
    }
    const body = isExtProc
      ? await runExtProc(parts, request)
      : operation === undefined
        ? answerOther(request, path, document)
        : await run(parts, operation, request);
    send(parts, response, 200, "application/json", JSON.stringify(body));
  } catch (error) {
    fail(parts, request, response, error);
  }
  parts.events.answered(name, response.statusCode, performance.now() - since);
}

async function run(parts: SidecarParts, operation: Operation, request: IncomingMessage): Promise<unknown> {
  onlyPost(request, operation.path);
  await parts.senders.check(readBearer(request.headers.authorization));
  return await operation.run(parts, await readJson(request, operation.told));
}

/** Envoy's HTTP form sends no header of its own configuration's: the token is in the address, unless another filter sets one. */
async function runExtProc(parts: SidecarParts, request: IncomingMessage): Promise<object> {
  onlyPost(request, EXT_PROC_PATH);
  const { authorization, "x-farebox-token": header } = request.headers;
  const inHeader = typeof header === "string" ? header : readBearer(authorization);
  const parameters = new URLSearchParams((request.url ?? "").slice(EXT_PROC_PATH.length));
  await parts.senders.check(inHeader ?? parameters.get("token") ?? undefined);
  return await extProc(parts, await readJson(request, []));
}

function onlyPost({ method = "" }: IncomingMessage, path: string): void {
  if (method !== "POST") throw new FareboxError("method_not_allowed", `${path} answers POST, not ${method}.`);
}

/** A proxy sends no body, whatever the length of the customer's is. */
async function serveForwardAuth(
  parts: SidecarParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const original = readOriginal(request);
  await parts.senders.check(original.token);
  if (parts.draining) throw ending();
  const { status, headers, body } = await forwardAuth(parts, original);
  if (response.destroyed) return;
  const bytes = Buffer.from(body);
  const list = headers.flatMap(({ name, value }) => [name, value]);
  response.writeHead(status, [...list, "Content-Length", String(bytes.length)]);
  response.end(bytes);
}

/** What carries no data of anybody's and needs no token. */
function answerOther(request: IncomingMessage, path: string, document: () => object): object {
  const isGet = request.method === "GET";
  if (isGet && path === "/healthz") return { status: "ok" };
  if (isGet && path === "/v1/openapi.json") return document();
  throw new FareboxError("route_not_found", `There is no ${request.method ?? ""} ${path}.`);
}

function fail(parts: SidecarParts, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  // The caller has gone.
  if (request.destroyed && !request.complete) return;
  if (isFault(error)) parts.events.failed(error);
  const { status, body } = describeProblem(error);
  if (status === 401) response.setHeader("WWW-Authenticate", 'Bearer realm="farebox sidecar"');
  if (error instanceof FareboxError) response.setHeader("X-Farebox-Reason", error.code);
  if (status === 405) response.setHeader("Allow", "POST");
  if (status === 503) response.setHeader("Retry-After", "1");
  // The rest of what it sends is not read.
  if (!request.complete) response.setHeader("Connection", "close");
  send(parts, response, status, "application/problem+json", body);
}

function send(
  { draining }: SidecarParts,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  if (response.destroyed) return;
  const body = Buffer.from(text);
  if (draining) response.shouldKeepAlive = false;
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
  });
  response.end(body);
}

function readBearer(header: string | undefined): string | undefined {
  return header?.startsWith("Bearer ") === true ? header.slice(7).trim() : undefined;
}
