import { AssertionError } from "node:assert";
import { RawClient } from "../../src/gateway/testing/raw-client.ts";
import type { RawResponse } from "../../src/gateway/testing/test-client.ts";

/** What one call was told, to the byte. Written once the call has ended. */
export interface CallRecord {
  /** Names the call in the upstream's log too. */
  readonly call: string;
  readonly accountId: string;
  readonly idempotencyKey: string | undefined;
  /** Undefined when no head came. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** In credits. */
  readonly charged: number | undefined;
  readonly remaining: number | undefined;
  readonly replayed: boolean;
  readonly body: string;
  /** All bytes that came, of the head too. */
  readonly bytes: number;
  /** The framing says that all of the response came. */
  readonly complete: boolean;
}

export interface CallOptions {
  readonly call: string;
  readonly accountId: string;
  readonly key: string;
  /** `/work` when absent. */
  readonly path?: string;
  readonly idempotencyKey?: string;
}

/** A client that writes down exactly what it was told. One connection, kept open while the gateway keeps it. */
export class LoggingClient {
  readonly #log: CallRecord[];
  #connection: { readonly port: number; readonly raw: RawClient } | undefined;

  constructor(log: CallRecord[]) {
    this.#log = log;
  }

  /** Sends a request. Nothing is read before `end` or `until`. */
  begin(port: number, options: CallOptions): OngoingCall {
    const { call, key, path = "/work", idempotencyKey } = options;
    const raw = this.#connect(port);
    raw.write(
      [
        `POST ${path}?call=${call} HTTP/1.1`,
        "Host: farebox.test",
        `Authorization: Bearer ${key}`,
        "Content-Length: 0",
        ...(idempotencyKey === undefined ? [] : [`Idempotency-Key: "${idempotencyKey}"`]),
        "\r\n",
      ].join("\r\n"),
    );
    return {
      until: (text) => raw.until((received) => received.includes(text)),
      end: async () => {
        const record = await readRecord(raw, options);
        this.#log.push(record.record);
        if (!record.keepsConnection) this.leave();
        return record.record;
      },
    };
  }

  call(port: number, options: CallOptions): Promise<CallRecord> {
    return this.begin(port, options).end();
  }

  leave(): void {
    this.#connection?.raw.leave();
    this.#connection = undefined;
  }

  #connect(port: number): RawClient {
    if (this.#connection?.port !== port) {
      this.leave();
      this.#connection = { port, raw: new RawClient(port) };
    }
    return this.#connection.raw;
  }
}

export interface OngoingCall {
  /** Resolves when the response contains the text; fails when the connection ends before. */
  until(text: string): Promise<void>;
  /** Resolves when the response has ended, however it ended. */
  end(): Promise<CallRecord>;
}

async function readRecord(
  raw: RawClient,
  { call, accountId, idempotencyKey }: CallOptions,
): Promise<{ readonly record: CallRecord; readonly keepsConnection: boolean }> {
  const said = { call, accountId, idempotencyKey };
  let response: RawResponse;
  try {
    response = await raw.response();
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const nothing = { status: undefined, requestId: undefined, charged: undefined, remaining: undefined };
    const bytes = raw.received.length;
    const record = { ...said, ...nothing, replayed: false, body: "", bytes, complete: false };
    return { record, keepsConnection: false };
  }
  const { status, complete } = response;
  const body = response.body.toString();
  const headBytes = response.headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  const record = {
    ...said,
    status,
    requestId: response.header("x-request-id"),
    charged: credits(response.header("credits-charged")),
    remaining: credits(response.header("credits-remaining")),
    replayed: response.header("idempotency-replayed") === "true",
    body,
    bytes: headBytes + response.body.length,
    complete,
  };
  return { record, keepsConnection: complete && response.header("connection") !== "close" };
}

function credits(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
