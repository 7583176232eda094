import { FareboxError } from "../domain/farebox-error.ts";
import { readProblem } from "./read-problem.ts";

/** How long one answer may take unless told otherwise, so that a hung server does not block a caller for ever. */
const TIMEOUT_MS = 60_000;

/** Pauses before the same request is sent again. A mutation carries the same Idempotency-Key each time: one effect. */
const RETRY_PAUSES_MS = [200, 600, 1_200];

/** The longest wait that a timer can hold; a longer timeout means this one. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Where an API of a running Farebox is. */
export interface ApiAddress {
  /** `http://127.0.0.1:8401`; a path in it is kept. */
  readonly url: string;
  /** Sent as bearer token; undefined where something else says who asks: a browser's session. */
  readonly token?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the address was found: told when nothing answers there. */
  readonly source?: string;
  /** Sends one request; the platform's own `fetch` when absent. */
  readonly fetch?: typeof globalThis.fetch;
}

/** A running Farebox's operator API. */
export interface OperatorAddress extends ApiAddress {
  readonly token: string;
}

/** What may be said about one request, whatever it asks. */
export interface RequestOptions {
  /** How long each try may take; 60 s when absent. Of a stream: until its head is there. */
  readonly timeoutMs?: number | undefined;
  /** Ends the request and its retries. */
  readonly signal?: AbortSignal | undefined;
  /** Names a mutation; a new one for each call when absent. The same again within 24 hours has one effect. */
  readonly idempotencyKey?: string | undefined;
}

/** Parameters of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface TransportRequest extends RequestOptions {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its parameters filled in and encoded. */
  readonly path: string;
  readonly query?: Query | undefined;
  /** The JSON body of a mutation. */
  readonly content?: object | undefined;
  /** The media type of a stream; JSON when absent. */
  readonly accept?: string | undefined;
}

/**
 * Sends requests to an API of Farebox. An answer of 503, and no answer at all, is tried again; what is then not a success is
 * thrown as a FareboxError with the API's code, or `instance_unreachable` or `instance_timeout`.
 */
export interface Transport {
  /** The answer's JSON. */
  readJson(request: TransportRequest): Promise<unknown>;
  /** The answer's bytes as they come, for instance a CSV of any length. */
  readStream(request: TransportRequest): Promise<ReadableStream<Uint8Array>>;
}

export function createTransport(address: ApiAddress): Transport {
  return {
    readJson: async (request) => {
      const { response, end } = await send(address, request);
      try {
        const text = await response.text();
        const json = parseJson(text);
        if (!response.ok || json === undefined) throw readProblem(response, json);
        return json;
      } catch (error) {
        throw explain(address, error, request);
      } finally {
        end();
      }
    },
    readStream: async (request) => {
      const { response, end } = await send(address, request);
      try {
        if (!response.ok) throw readProblem(response, parseJson(await response.text()));
        return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
      } catch (error) {
        throw explain(address, error, request);
      } finally {
        end();
      }
    },
  };
}

/** An answer and what ends its deadline: to be called when as much of it was read as the deadline is for. */
interface Answered {
  readonly response: Response;
  readonly end: () => void;
}

async function send(address: ApiAddress, request: TransportRequest): Promise<Answered> {
  const url = urlOf(address, request);
  const init = initOf(address, request);
  for (const pause of RETRY_PAUSES_MS) {
    const answer = await attempt(address, url, init, request);
    if (!(answer instanceof FareboxError)) {
      if (answer.response.status !== 503) return answer;
      answer.end();
      await answer.response.body?.cancel();
    }
    await wait(pause, request.signal);
  }
  const last = await attempt(address, url, init, request);
  if (last instanceof FareboxError) throw last;
  return last;
}

/** The answer, or the error when nothing answers. Throws when the answer takes too long: the server works on it, or hangs. */
async function attempt(
  address: ApiAddress,
  url: string,
  init: RequestInit,
  request: TransportRequest,
): Promise<Answered | FareboxError> {
  const { timeoutMs = TIMEOUT_MS, signal } = request;
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new DOMException("too slow", "TimeoutError")),
    Math.min(timeoutMs, LONGEST_TIMER_MS),
  );
  const end = (): void => clearTimeout(timer);
  const signals = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
  const fetch = address.fetch ?? globalThis.fetch;
  try {
    return { response: await fetch(url, { ...init, redirect: "error", signal: signals }), end };
  } catch (cause) {
    end();
    const error = explain(address, cause, request);
    if (error instanceof FareboxError && error.code === "instance_unreachable") return error;
    throw error;
  }
}

/** What a failed request means. The caller's own abort stays what it is. */
function explain(address: ApiAddress, cause: unknown, request: TransportRequest): unknown {
  if (cause instanceof FareboxError) return cause;
  if (request.signal?.aborted === true) return cause;
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    const seconds = (request.timeoutMs ?? TIMEOUT_MS) / 1000;
    const text = `The Farebox at ${address.url} did not answer within ${seconds} s.`;
    return new FareboxError("instance_timeout", text, { cause });
  }
  const source = address.source === undefined ? "" : ` (from ${address.source})`;
  return new FareboxError("instance_unreachable", `No Farebox answers at ${address.url}${source}.`, {
    retryable: true,
    detail: { fix: "Start it with `farebox start`, or set FAREBOX_OPERATOR_URL to where it runs." },
    cause,
  });
}

function urlOf(address: ApiAddress, { path, query = {} }: TransportRequest): string {
  const url = new URL(`${address.url.replace(/\/+$/, "")}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** A mutation's key is made once for all of its tries. */
function initOf(address: ApiAddress, request: TransportRequest): RequestInit {
  const { method, content, accept = "application/json", idempotencyKey } = request;
  const headers: Record<string, string> = { ...address.headers, accept };
  if (address.token !== undefined) headers["authorization"] = `Bearer ${address.token}`;
  if (method !== "GET") headers["idempotency-key"] = idempotencyKey ?? crypto.randomUUID();
  if (content === undefined) return { method, headers };
  return {
    method,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(content),
  };
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
