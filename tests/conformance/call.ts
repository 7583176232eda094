import { Agent, type IncomingHttpHeaders, request } from "node:http";

/** One request as it is sent: header names keep their letter case, and nothing is added but what HTTP needs. */
export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
}

/** A whole answer, with its body's bytes. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON. Throws when it is none. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a test says which members it is about to read
  json<T = Record<string, unknown>>(): T;
}

/** Every call has a connection of its own: a refusal that closes it must not fail the next. */
const agent = new Agent({ keepAlive: false });

/** Sends one request over a real socket and waits for the whole answer. */
export function send(origin: string, path: string, call: Call = {}): Promise<Answer> {
  const body = renderBody(call.body);
  const headers: Record<string, string | number> = { ...call.headers };
  if (body !== undefined) {
    headers["content-type"] ??= "application/json";
    headers["content-length"] = body.byteLength;
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${origin}${path}`,
      { method: call.method ?? "GET", headers, agent },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(parts);
          const text = bytes.toString("utf8");
          const { headers: received, statusCode: status = 0 } = response;
          // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as declared above
          resolve({ status, headers: received, bytes, text, json: <T>() => JSON.parse(text) as T });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function renderBody(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
