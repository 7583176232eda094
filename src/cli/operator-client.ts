import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { FareboxError } from "../domain/farebox-error.ts";

/** How long one answer may take, so that a hung server does not block a script for ever. */
const TIMEOUT_MS = 60_000;

/** Pauses before the same request is sent again. A mutation carries the same Idempotency-Key each time: one effect. */
const RETRY_PAUSES_MS = [200, 600, 1_200];

/** The members of a problem body that the client uses; an answer of something else than Farebox has none of them. */
const problem = z
  .object({ code: z.string(), detail: z.string(), errors: z.array(z.unknown()) })
  .partial()
  .catch({});

/** Speaks to the operator API. An answer that is not a success is thrown as a FareboxError with the API's code. */
export interface OperatorClient {
  get<Body extends z.ZodType>(
    path: string,
    body: Body,
    query?: Query,
    timeoutMs?: number,
  ): Promise<z.output<Body>>;
  post<Body extends z.ZodType>(path: string, body: Body, content: object): Promise<z.output<Body>>;
}

type Query = Readonly<Record<string, string | undefined>>;

export interface OperatorAddress {
  readonly url: string;
  readonly token: string;
  /** Where the address was found: told when nothing answers there. */
  readonly source: string;
}

export function createOperatorClient(address: OperatorAddress): OperatorClient {
  const headers = { authorization: `Bearer ${address.token}`, accept: "application/json" };
  return {
    get: async (path, body, query = {}, timeoutMs = TIMEOUT_MS) => {
      const url = new URL(path, address.url);
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined) url.searchParams.set(name, value);
      }
      return readAnswer(await send(address, url, { method: "GET", headers }, timeoutMs), body);
    },
    post: async (path, body, content) => {
      const init: RequestInit = {
        method: "POST",
        headers: { ...headers, "content-type": "application/json", "idempotency-key": randomUUID() },
        body: JSON.stringify(content),
      };
      return readAnswer(await send(address, new URL(path, address.url), init, TIMEOUT_MS), body);
    },
  };
}

async function send(
  address: OperatorAddress,
  url: URL,
  init: RequestInit,
  timeoutMs: number,
): Promise<Response> {
  for (const pause of RETRY_PAUSES_MS) {
    const response = await attempt(address, url, init, timeoutMs);
    if (response instanceof Response && response.status !== 503) return response;
    await wait(pause);
  }
  const last = await attempt(address, url, init, timeoutMs);
  if (last instanceof FareboxError) throw last;
  return last;
}

/** The answer, or the error when nothing answers. Throws when the answer takes too long: the server works on it, or hangs. */
async function attempt(
  address: OperatorAddress,
  url: URL,
  init: RequestInit,
  timeoutMs: number,
): Promise<Response | FareboxError> {
  try {
    return await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "TimeoutError") {
      const text = `The Farebox at ${address.url} did not answer within ${timeoutMs / 1000} s.`;
      throw new FareboxError("instance_timeout", text, { cause });
    }
    return new FareboxError(
      "instance_unreachable",
      `No Farebox answers at ${address.url} (from ${address.source}).`,
      {
        retryable: true,
        detail: { mend: "Start it with `farebox start`, or set FAREBOX_OPERATOR_URL to where it runs." },
        cause,
      },
    );
  }
}

async function readAnswer<Body extends z.ZodType>(response: Response, body: Body): Promise<z.output<Body>> {
  const content = parseJson(await response.text());
  if (response.ok) {
    const answer = body.safeParse(content);
    if (answer.success) return answer.data;
  }
  const refused = problem.parse(content);
  throw new FareboxError(
    refused.code ?? "instance_unreachable",
    refused.detail ?? `${response.url} answered ${response.status}, not as a Farebox of this version does.`,
    {
      detail: {
        status: response.status,
        ...(refused.errors === undefined ? {} : { errors: refused.errors }),
      },
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
