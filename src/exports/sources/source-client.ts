import { isUtf8 } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import { request as ask, type Dispatcher } from "undici";
import type { SourceCall, SourcePaging, SourceThrottle } from "../../domain/export-kind.ts";
import { isJsonObject } from "../../domain/json/json-value.ts";
import type { ExportRequest } from "../../ledger/exports/export-job.ts";
import { SourceError, sourceInvalid, sourceUnavailable } from "../source-record.ts";
import { sliceJson } from "./json-text.ts";
import { readRetryAfter } from "./retry-after.ts";

/** Before the first repetition of a call; each further one waits twice as long, and some more or less. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

/** Not now, but perhaps later. */
const TRY_AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface SourceAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData["headers"];
  readonly body: Dispatcher.ResponseData["body"];
}

/** What one call says besides what its configuration says. */
export interface CallDetail {
  /** For `{id}`. */
  readonly id?: string | undefined;
  /** Where to go on. */
  readonly next?: { readonly send: SourcePaging["send"]; readonly value: string | number } | undefined;
  /** Statuses that are answers as well as those of 2xx are. */
  readonly alsoFine?: readonly number[];
}

/** Asks an upstream for one job: at its pace, and again when it fails. */
export class SourceClient {
  readonly #dispatcher: Dispatcher;
  readonly #throttle: SourceThrottle;
  readonly #request: ExportRequest;
  #freeAt = 0;

  constructor(dispatcher: Dispatcher, throttle: SourceThrottle, request: ExportRequest) {
    this.#dispatcher = dispatcher;
    this.#throttle = throttle;
    this.#request = request;
  }

  get retries(): number {
    return this.#throttle.retries;
  }

  /** The head of a good answer; whoever gets it reads its body or destroys it. Fails with a SourceError, or as the signal does. */
  async call(call: SourceCall, detail: CallDetail, signal: AbortSignal): Promise<SourceAnswer> {
    const { url, body } = this.#prepare(call, detail);
    for (let attempt = 0; ; attempt += 1) {
      await this.#pace(signal);
      const answer = await this.#send(call, url, body, signal);
      if (!(answer instanceof Error)) {
        const { statusCode: status, headers } = answer;
        if ((status >= 200 && status < 300) || detail.alsoFine?.includes(status) === true) {
          if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
            discard(answer);
            throw sourceInvalid("The source compresses its answers, which it was not asked for.");
          }
          return { status, headers, body: answer.body };
        }
        discard(answer);
        if (!TRY_AGAIN.has(status)) throw refused(status);
      }
      const failed = answer instanceof Error ? answer : undefined;
      const waitMs =
        answer instanceof Error ? undefined : readRetryAfter(answer.headers["retry-after"], Date.now());
      if (waitMs !== undefined && waitMs > LONGEST_PAUSE_MS) throw askedToWait(waitMs);
      if (attempt >= this.#throttle.retries) {
        const how = answer instanceof Error ? answer.message : `status ${answer.statusCode}`;
        throw sourceUnavailable(`The source failed ${attempt + 1} times, at last with: ${how}`, failed);
      }
      await this.rest(attempt, signal, waitMs);
    }
  }

  /** A whole body of at most so many bytes, as text. Fails with a SourceError, or as a broken connection does; undefined: it is longer. */
  async readText({ body }: SourceAnswer, maxBytes: number): Promise<string | undefined> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) {
        body.on("error", () => undefined).destroy();
        return undefined;
      }
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    if (!isUtf8(bytes)) throw sourceInvalid("The source gave what is no UTF-8.");
    return bytes.toString("utf8");
  }

  /** Before a repetition. `waitMs`: what the source asks for; no sooner. */
  async rest(attempt: number, signal: AbortSignal, waitMs = 0): Promise<void> {
    const own = FIRST_PAUSE_MS * 2 ** attempt * (0.75 + Math.random() / 2);
    await pause(Math.min(Math.max(waitMs, own), LONGEST_PAUSE_MS), undefined, { signal });
  }

  /** At most so many a second: each call takes its turn at the moment that is free next. */
  async #pace(signal: AbortSignal): Promise<void> {
    const { perSecond } = this.#throttle;
    if (perSecond === undefined) return;
    const now = performance.now();
    const at = Math.max(now, this.#freeAt);
    this.#freeAt = at + 1000 / perSecond;
    if (at > now) await pause(at - now, undefined, { signal });
  }

  /** The answer, or why there is none. */
  async #send(
    { method, headers }: SourceCall,
    url: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData | Error> {
    const { timeoutMs } = this.#throttle;
    try {
      return await ask(url, {
        dispatcher: this.#dispatcher,
        method,
        headers: {
          accept: "application/json, application/x-ndjson",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body ?? null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Error) return error;
      throw error;
    }
  }

  #prepare(
    call: SourceCall,
    { id, next }: CallDetail,
  ): { readonly url: string; readonly body: string | undefined } {
    const { params, body: sent } = this.#request;
    const path = call.url.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
      const value = name === "id" && id !== undefined ? id : params[name];
      return value === undefined ? whole : encodeSegment(value);
    });
    const url = new URL(path);
    let body = call.body === undefined || sent === undefined ? undefined : sliceJson(sent, call.body);
    if (next?.send.to === "query") url.searchParams.set(next.send.name, String(next.value));
    if (next?.send.to === "body") body = addMember(body, next.send.name, next.value);
    return { url: url.href, body };
  }
}

/** A dot segment would lead to another path of the upstream, encoded or not. */
export function isSegment(value: string): boolean {
  return value !== "" && value !== "." && value !== "..";
}

function encodeSegment(value: string): string {
  if (!isSegment(value)) throw sourceInvalid(`${JSON.stringify(value)} is no part of a path.`);
  return encodeURIComponent(value);
}

function addMember(body: string | undefined, name: string, value: string | number): string {
  const object: unknown = JSON.parse(body ?? "{}");
  if (!isJsonObject(object))
    throw sourceInvalid("What is sent to the source is no object: it cannot say where to go on.");
  return JSON.stringify({ ...object, [name]: value });
}

function discard({ body }: Dispatcher.ResponseData): void {
  body.on("error", () => undefined).destroy();
}

/** A worker would wait in vain for so long: the job rests, and others have their turn. */
function askedToWait(waitMs: number): SourceError {
  const seconds = Math.ceil(waitMs / 1_000);
  const message = `The source asks to wait for ${seconds} s.`;
  return new SourceError("export_source_unavailable", message, { isFinal: false, waitMs });
}

function refused(status: number): SourceError {
  return new SourceError("export_source_refused", `The source refused the request with status ${status}.`, {
    isFinal: true,
  });
}
