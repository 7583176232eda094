import { decodeBody } from "../body/content-decoding.ts";
import type { JsonPath } from "../body/json-path-watch.ts";
import { type BodyScan, type ScannedBody, scanBody } from "../body/json-splice.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { UpstreamHead } from "../headers/upstream-head.ts";

/** What is read from a body: where the results are counted, and the member that the usage object becomes. */
export interface BodyQuestions {
  readonly countPath: JsonPath | undefined;
  readonly member: string | undefined;
}

export const NO_QUESTIONS: BodyQuestions = { countPath: undefined, member: undefined };

/** The answers, and the body without its coding. */
export interface ReadBody extends ScannedBody {
  readonly plain: Buffer;
}

/** Reads a whole body, by the scan that ran along if it can tell. A promise only where something is to be decoded. */
export function readUpstreamBody(
  exchange: Exchange,
  head: UpstreamHead,
  body: Buffer,
  questions: BodyQuestions,
  scan: BodyScan | undefined,
): Promise<ReadBody> | ReadBody {
  if (scan !== undefined) return { ...scan.end(), plain: body };
  const asksNothing = questions.countPath === undefined && questions.member === undefined;
  const nothing = { count: undefined, splice: undefined, plain: body };
  if (head.contentEncoding === undefined || asksNothing) return nothing;
  const maxBytes = exchange.parts.config.gateway.maxBufferedResponseBytes;
  return decodeBody(body, head.contentEncoding, maxBytes).then((plain) =>
    plain === undefined ? nothing : { ...scanBody(plain, questions.countPath, questions.member), plain },
  );
}

/** The number of results that a header tells; undefined when it is missing or no number. */
export function unitsOfHeader(head: UpstreamHead): number | undefined {
  const text = head.countHeader?.trim();
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
