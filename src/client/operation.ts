import type { RequestOptions, Transport, TransportRequest } from "./transport.ts";

/** How a method of the client is sent. */
export interface Operation {
  readonly method: TransportRequest["method"];
  /** With `{name}` where a member of the input goes. */
  readonly path: string;
  /** Members of the input that go into the query, of an operation that has a body. */
  readonly query?: readonly string[];
  /** Also answered as CSV. */
  readonly csv?: true;
}

type Input = Readonly<Record<string, unknown>>;

/** Sends an operation: of the input, the path takes its parameters, and the query or the body the rest. */
export function callOperation(
  transport: Transport,
  operation: Operation,
  input: Input,
  options: RequestOptions,
): Promise<unknown> {
  return transport.readJson({ ...requestOf(operation, input), ...options });
}

/** The same as CSV. */
export function streamOperation(
  transport: Transport,
  operation: Operation,
  input: Input,
  options: RequestOptions,
): Promise<ReadableStream<Uint8Array>> {
  return transport.readStream({ ...requestOf(operation, input), ...options, accept: "text/csv" });
}

function requestOf({ method, path, query = [] }: Operation, input: Input): TransportRequest {
  const names = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ""));
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input[name])));
  const rest = Object.entries(input).filter(([name]) => !names.has(name));
  if (method === "GET" || method === "DELETE") return { method, path: filled, query: textOf(rest) };
  const inQuery = new Set(query);
  const content = Object.fromEntries(rest.filter(([name]) => !inQuery.has(name)));
  return {
    method,
    path: filled,
    query: textOf(rest.filter(([name]) => inQuery.has(name))),
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
}

function textOf(members: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(
    members.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]),
  );
}
