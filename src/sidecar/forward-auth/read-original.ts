import type { IncomingMessage } from "node:http";
import { FareboxError } from "../../domain/farebox-error.ts";

/** Where proxies ask. What is below it is the customer's path, as Envoy writes it. */
export const FORWARD_AUTH_PATH = "/v1/forward-auth";

/** A customer's request as a proxy tells of it, and how the proxy wants to be answered. */
export interface OriginalRequest {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  /** Node's list, without what the proxy says of itself. */
  readonly rawHeaders: readonly string[];
  /** The hop that the proxy saw; `""`: it does not say. */
  readonly address: string;
  readonly token: string | undefined;
  /** `403`: of refusals only 401 and 403 are passed on. */
  readonly refusals: "any" | "403";
}

/** What proxies say of the customer's request, beside its own headers. */
const TOLD =
  /^(?:x-forwarded-|x-original-|x-farebox-|x-envoy-)|^(?:host|connection|content-length|transfer-encoding|forwarded|x-real-ip)$/;

/** The method and the target in the headers of Traefik and Caddy, and of nginx as its configuration sets them. */
const NAMES = [
  ["x-forwarded-method", "x-forwarded-uri"],
  ["x-original-method", "x-original-uri"],
] as const;

/** Throws FareboxError `request_malformed` where the request is not told, or in two ways. */
export function readOriginal(request: IncomingMessage): OriginalRequest {
  const { url = "", rawHeaders } = request;
  const all = collect(rawHeaders);
  const forwarded = all.get("x-forwarded-for")?.at(-1)?.split(",").at(-1)?.trim();
  const told = {
    rawHeaders: withoutTold(rawHeaders),
    address: forwarded ?? "",
    token: all.get("x-farebox-token")?.at(-1),
  };
  if (url.startsWith(`${FORWARD_AUTH_PATH}/`)) {
    const target = url.slice(FORWARD_AUTH_PATH.length);
    return { ...told, method: request.method ?? "", target, refusals: "any" };
  }
  const parameters = new URLSearchParams(url.slice(FORWARD_AUTH_PATH.length));
  const { method, target } = readTold(all);
  return {
    ...told,
    method,
    target,
    token: told.token ?? parameters.get("token") ?? undefined,
    refusals: parameters.get("refusals") === "403" ? "403" : "any",
  };
}

function readTold(all: ReadonlyMap<string, readonly string[]>): {
  readonly method: string;
  readonly target: string;
} {
  for (const [methodName, targetName] of NAMES) {
    const methods = all.get(methodName);
    const targets = all.get(targetName);
    if (methods === undefined && targets === undefined) continue;
    // A customer may send such headers too: the proxy must replace them, and then each is there once.
    const [method, ...otherMethods] = methods ?? [];
    const [target, ...otherTargets] = targets ?? [];
    if (method === undefined || target === undefined || otherMethods.length + otherTargets.length > 0)
      refuse(`${methodName} and ${targetName} must both be there, once`);
    return { method, target };
  }
  return refuse(
    "neither X-Forwarded-Method and X-Forwarded-Uri nor X-Original-Method and X-Original-URI are there",
  );
}

function refuse(reason: string): never {
  throw new FareboxError("request_malformed", `The customer's request is not told: ${reason}.`);
}

function collect(rawHeaders: readonly string[]): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    const values = all.get(name) ?? [];
    values.push(rawHeaders[i + 1] ?? "");
    all.set(name, values);
  }
  return all;
}

/** The customer's headers alone. */
export function withoutTold(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => !TOLD.test((rawHeaders[i - (i % 2)] ?? "").toLowerCase()));
}
