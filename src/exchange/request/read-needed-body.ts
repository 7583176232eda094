import { ABSENT_BODY, type BodyFields, UNREADABLE_BODY } from "../../domain/prices/field-value.ts";
import type { BodyReads } from "../../domain/prices/request-reads.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Route } from "../../meter/meter.ts";
import { OVERLOADED } from "../../meter/refusals.ts";
import { chooseReader, readFields } from "../body/read-fields.ts";
import { readBody } from "../body/request-body.ts";
import { inTurns, isSmall } from "../body/turns.ts";
import type { beginRequestHash } from "../headers/idempotency-header.ts";
import type { Exchange } from "../parts/exchange.ts";

/** Bodies of a known length up to this are read before forwarding: one write upstream, and a client that leaves while sending costs nothing. */
const SMALL_BODY_BYTES = 64 * 1024;

/** The client left while its body was read: there is nobody to answer. */
export interface Gone {
  readonly kind: "gone";
}

/**
 * Reads the body of a request that has one, if it is small or something asks for it: the prices for fields, an Idempotency-Key for
 * its hash. Where prices read nothing of it, it counts as absent.
 */
export async function readNeededBody(
  exchange: Exchange,
  route: Route,
  hash: ReturnType<typeof beginRequestHash> | undefined,
): Promise<BodyFields | Refusal | Gone> {
  const { head, request, response, parts } = exchange;
  const reads = route.reads?.body;
  if (head === undefined) return ABSENT_BODY;
  const reader = reads === undefined ? undefined : chooseReader(head, reads);
  const isUnreadable = reader?.kind === "unreadable" && reads !== undefined;
  if (isUnreadable && (hash === undefined || reads.unreadable === "refuse"))
    return unreadable(reader.reason, reads);
  const { bodyLength } = head;
  const isShort = bodyLength !== "chunked" && bodyLength <= SMALL_BODY_BYTES;
  if (hash === undefined && reads === undefined && !isShort) return ABSENT_BODY;
  const limitBytes = parts.config.gateway.maxRequestBodyBytes;
  if (head.expectsContinue) response.writeContinue();
  const read = await readBody(request, limitBytes, (bytes) => isShort || exchange.holdBody(bytes));
  if (read.kind === "no_room") return OVERLOADED;
  if (read.kind === "too_large") return { code: "request_too_large", limitBytes };
  if (read.kind === "gone") return { kind: "gone" };
  const { chunks } = read;
  exchange.body = chunks;
  if (hash !== undefined) await addToHash(hash, chunks);
  if (reads === undefined || reader === undefined || chunks.every((chunk) => chunk.length === 0))
    return ABSENT_BODY;
  return reader.kind === "unreadable" ? unreadable(reader.reason, reads) : readWith(reader, chunks, reads);
}

async function readWith(
  reader: Parameters<typeof readFields>[0],
  chunks: readonly Buffer[],
  reads: BodyReads,
): Promise<BodyFields | Refusal> {
  const read = await readFields(reader, chunks, reads);
  if (read.kind === "ambiguous") return { code: "request_invalid", reason: read.reason };
  if (read.kind === "unreadable") return unreadable(read.reason, reads);
  return { state: "read", read: (pointer) => read.fields.get(pointer) };
}

/** It is there, so its fields may be too: it is not the price of a body without them. */
function unreadable(reason: string, { unreadable: what }: BodyReads): BodyFields | Refusal {
  return what === "dearest" ? UNREADABLE_BODY : { code: "media_type_unsupported", reason };
}

async function addToHash(
  hash: ReturnType<typeof beginRequestHash>,
  chunks: readonly Buffer[],
): Promise<void> {
  if (isSmall(chunks)) for (const chunk of chunks) hash.update(chunk);
  else {
    await inTurns(chunks, (bytes) => {
      hash.update(bytes);
      return true;
    });
  }
}
