import { z } from "@hono/zod-openapi";
import { FareboxError } from "../../domain/farebox-error.ts";
import type { OriginalRequest } from "../forward-auth/read-original.ts";
import { withoutTold } from "../forward-auth/read-original.ts";

/** Where Envoy puts what one of its messages tells the next one of the same request. */
export const NAMESPACE = "farebox";

/** A message of Envoy's: the head of a customer's request, or of the answer to it. */
export type Message =
  | { readonly kind: "request"; readonly original: Omit<OriginalRequest, "token"> }
  | { readonly kind: "response"; readonly status: number; readonly hold: string | undefined };

/** Envoy writes the names of its protocol files; JSON of protocol buffers may also have them in the other way. */
const headerValue = z.object({
  key: z.string(),
  value: z.string().nullish(),
  raw_value: z.base64().nullish(),
  rawValue: z.base64().nullish(),
});
const head = z.object({ headers: z.object({ headers: z.array(headerValue) }) }).nullish();
const namespaces = z.object({ [NAMESPACE]: z.object({ hold: z.string().max(20_000) }).nullish() }).nullish();
const metadata = z.object({ filter_metadata: namespaces, filterMetadata: namespaces }).nullish();
const processingRequest = z.object({
  request_headers: head,
  requestHeaders: head,
  response_headers: head,
  responseHeaders: head,
  metadata_context: metadata,
  metadataContext: metadata,
});

/**
 * Reads a `ProcessingRequest` (envoy.service.ext_proc.v3) of headers. Throws FareboxError `request_malformed` where it is none, as one of a
 * body is none: the HTTP form has headers alone.
 */
export function readMessage(body: unknown): Message {
  const parsed = processingRequest.safeParse(body);
  if (!parsed.success) return refuse("it is no ProcessingRequest of headers");
  const { request_headers, requestHeaders, response_headers, responseHeaders } = parsed.data;
  const request = request_headers ?? requestHeaders ?? undefined;
  const response = response_headers ?? responseHeaders ?? undefined;
  if (request !== undefined) return { kind: "request", original: readRequest(toPairs(request)) };
  if (response === undefined) return refuse("it has neither request_headers nor response_headers");
  const status = Number(toPairs(response).find(([name]) => name === ":status")?.[1]);
  if (!Number.isInteger(status) || status < 100 || status > 599)
    return refuse("response_headers has no :status");
  const { metadata_context, metadataContext } = parsed.data;
  const known = metadata_context ?? metadataContext;
  const hold = (known?.filter_metadata ?? known?.filterMetadata)?.[NAMESPACE]?.hold;
  return { kind: "response", status, hold };
}

function toPairs(of: NonNullable<z.output<typeof head>>): (readonly [string, string])[] {
  return of.headers.headers.map(({ key, value, raw_value, rawValue }) => {
    const raw = raw_value ?? rawValue ?? "";
    return [key.toLowerCase(), raw === "" ? (value ?? "") : Buffer.from(raw, "base64").toString("latin1")];
  });
}

function readRequest(pairs: readonly (readonly [string, string])[]): Omit<OriginalRequest, "token"> {
  const [method, ...otherMethods] = pairs.filter(([name]) => name === ":method");
  const [target, ...otherTargets] = pairs.filter(([name]) => name === ":path");
  if (method === undefined || target === undefined || otherMethods.length + otherTargets.length > 0)
    return refuse("request_headers must have :method and :path, once");
  const forwarded = pairs.findLast(([name]) => name === "x-forwarded-for")?.[1];
  return {
    method: method[1],
    target: target[1],
    rawHeaders: withoutTold(pairs.filter(([name]) => !name.startsWith(":")).flat()),
    address: forwarded?.split(",").at(-1)?.trim() ?? "",
    refusals: "any",
  };
}

function refuse(reason: string): never {
  throw new FareboxError("request_malformed", `The message cannot be read: ${reason}.`);
}
