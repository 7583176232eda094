import type { IncomingMessage } from "node:http";
import { FareboxError } from "../../domain/farebox-error.ts";
import { countMembers, type JsonLimits, lookThrough } from "../../domain/json/json-excess.ts";
import { joinChunks, sizeOf } from "../../exchange/body/chunks.ts";
import { readBody } from "../../exchange/body/request-body.ts";
import { SMALL_BYTES } from "../told-json.ts";
import { cutLarge } from "./cut-large.ts";

/** A kept answer of 16 MiB in base64, and some. */
const MAX_BODY_BYTES = 24 * 1_048_576;

/** As deep as a body may be at the gateway, and some. The rest bounds what is left of a large message. */
const LIMITS: JsonLimits = { depth: 520, elements: 50_000, members: 50_000, containers: 20_000 };

/**
 * A body of JSON. Of one that is not small, what stands at the pointers is given as `ToldJson`: customers' bodies, of whoever they are,
 * which must not keep the gateway beside waiting. Rejects with FareboxError `request_malformed` and `request_too_large`.
 */
export async function readJson(request: IncomingMessage, pointers: readonly string[]): Promise<unknown> {
  const read = await readBody(request, MAX_BODY_BYTES);
  if (read.kind === "too_large")
    throw new FareboxError("request_too_large", `A request has at most ${MAX_BODY_BYTES} bytes.`);
  if (read.kind === "gone") throw new FareboxError("request_malformed", "The request's body breaks off.");
  const { chunks } = read;
  if (sizeOf(chunks) <= SMALL_BYTES) return parse(joinChunks(chunks).toString());
  const cut = await cutLarge(chunks, pointers);
  return cut.putBack(parse(cut.rest));
}

function parse(text: string): unknown {
  const { excess, members } = lookThrough(text, LIMITS);
  if (excess !== undefined) throw new FareboxError("request_malformed", `The request's body ${excess}.`);
  const value = parseJson(text);
  // Each reader takes the one that it likes: what is priced, or charged, must be one thing.
  if (countMembers(value) !== members)
    throw new FareboxError("request_malformed", "The request's body has a member twice in one object.");
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FareboxError("request_malformed", "The request's body is not JSON.");
  }
}
