import { findJsonExcess } from "../../domain/json/json-excess.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { joinChunks } from "../body/chunks.ts";
import { readBody, unreadableBody } from "../body/request-body.ts";
import type { Exchange } from "../parts/exchange.ts";

/** Questions, and descriptions of requests and keys: a longer body is none. It bounds what a free request can make us parse. */
const MAX_BODY_BYTES = 1_048_576;

/** The body of a request that we answer ourselves, as text; `""` without one; undefined when the client left while sending it. */
export async function readText(exchange: Exchange): Promise<string | Refusal | undefined> {
  const { head, request, response, parts } = exchange;
  if (head === undefined || head.bodyLength === 0) return "";
  const reason = unreadableBody(head.contentType, head.contentEncoding);
  if (reason !== undefined) return { code: "media_type_unsupported", reason };
  const limitBytes = Math.min(MAX_BODY_BYTES, parts.config.gateway.maxRequestBodyBytes);
  if (typeof head.bodyLength === "number" && head.bodyLength > limitBytes) {
    return { code: "request_too_large", limitBytes };
  }
  if (head.expectsContinue) response.writeContinue();
  const read = await readBody(request, limitBytes);
  if (read.kind === "gone") return undefined;
  if (read.kind === "too_large") return { code: "request_too_large", limitBytes };
  const text = decode(joinChunks(read.chunks));
  if (text === undefined) return { code: "request_invalid", reason: "the body is not UTF-8" };
  const excess = findJsonExcess(text);
  return excess === undefined ? text : { code: "request_invalid", reason: `the body ${excess}` };
}

function decode(body: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
