import type { z } from "zod";
import {
  createTransport,
  type OperatorAddress,
  type Query,
  type TransportRequest,
} from "../../client/transport.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { FETCH_PATIENCE_MS, fetchPatiently } from "./fetch-patiently.ts";

/**
 * Speaks to the operator API: the transport of `farebox/client`, with answers checked against the API's own schemas. An
 * answer that is not a success is thrown as a FareboxError with the API's code. `timeoutMs` is 60 s when absent.
 */
export interface OperatorClient {
  /** Where it asks: `http://127.0.0.1:8401`. */
  readonly url: string;
  get<Body extends z.ZodType>(
    path: string,
    body: Body,
    query?: Query,
    timeoutMs?: number,
  ): Promise<z.output<Body>>;
  post<Body extends z.ZodType>(
    path: string,
    body: Body,
    content: object,
    timeoutMs?: number,
  ): Promise<z.output<Body>>;
  patch<Body extends z.ZodType>(
    path: string,
    body: Body,
    content: object,
    timeoutMs?: number,
  ): Promise<z.output<Body>>;
  delete<Body extends z.ZodType>(path: string, body: Body, timeoutMs?: number): Promise<z.output<Body>>;
  /** The answer's bytes as they come: `accept` is `text/csv` for a list of any length. */
  stream(path: string, accept: string, query?: Query): Promise<ReadableStream<Uint8Array>>;
}

export function createOperatorClient(address: OperatorAddress): OperatorClient {
  const transport = createTransport(address);
  const patient = createTransport({ ...address, fetch: fetchPatiently });
  const read = async <Body extends z.ZodType>(body: Body, request: TransportRequest) => {
    const isLong = (request.timeoutMs ?? 0) >= FETCH_PATIENCE_MS;
    return check(address, body, await (isLong ? patient : transport).readJson(request));
  };
  return {
    url: address.url,
    get: (path, body, query, timeoutMs) => read(body, { method: "GET", path, query, timeoutMs }),
    post: (path, body, content, timeoutMs) => read(body, { method: "POST", path, content, timeoutMs }),
    patch: (path, body, content, timeoutMs) => read(body, { method: "PATCH", path, content, timeoutMs }),
    delete: (path, body, timeoutMs) => read(body, { method: "DELETE", path, timeoutMs }),
    stream: (path, accept, query) => transport.readStream({ method: "GET", path, accept, query }),
  };
}

function check<Body extends z.ZodType>(
  address: OperatorAddress,
  body: Body,
  content: unknown,
): z.output<Body> {
  const answer = body.safeParse(content);
  if (answer.success) return answer.data;
  throw new FareboxError(
    "instance_unreachable",
    `${address.url} answered not as a Farebox of this version does.`,
    { cause: answer.error },
  );
}
