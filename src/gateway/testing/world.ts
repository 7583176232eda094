import assert from "node:assert/strict";
import type { Socket } from "node:net";
import type { GatewayLimits, ListenerConfig } from "../../config/config.ts";
import type { AccountEndpoints } from "../../contract/account-endpoint.ts";
import type { Contract } from "../../contract/contract.ts";
import { loadContract } from "../../contract/load-contract.ts";
import { type Credits, formatCredits } from "../../domain/credits.ts";
import type { FinishedExchange } from "../../exchange/parts/exchange-events.ts";
import type { Meter } from "../../meter/meter.ts";
import { createGateway, type Gateway } from "../create-gateway.ts";
import type { GatewayEvents } from "../gateway-events.ts";
import type { GatewayConfig, GatewayOptions } from "../gateway-parts.ts";
import { Http2Client } from "./http2-client.ts";
import { RawClient } from "./raw-client.ts";
import { RawUpstream } from "./raw-upstream.ts";
import { silentGatewayEvents } from "./silent-gateway-events.ts";
import type { RawResponse, TestClient } from "./test-client.ts";

/** What the books say of one account: amounts as plain decimals. */
export interface Books {
  readonly charged: string;
  readonly refunded: string;
  readonly balance: string;
  /** What charges could not take, visible to the operator. */
  readonly uncollected: string;
  /** `"charge 5 GET /fixed 200"`, `"refund 5"`. */
  readonly entries: readonly string[];
}

/** An account of its own for each test, with 1,000 credits. */
export interface TestAccount {
  readonly accountId: string;
  readonly key: string;
  books(): Promise<Books>;
  /** Resolves when nothing is set aside any more: every lease has gone back. */
  atRest(): Promise<void>;
}

/** The meter and its books, fake or real. */
export interface MeterUnderTest {
  readonly meter: Meter;
  openAccount(): Promise<TestAccount>;
  /** Makes the storage fail, or come back. */
  setStorage(state: "up" | "down"): void;
  close(): Promise<void>;
}

export const TEST_LIMITS: GatewayLimits = {
  maxHeaderBytes: 16_384,
  maxHeaderCount: 50,
  maxRequestBodyBytes: 200_000,
  maxBufferedResponseBytes: 100_000,
  maxBufferedBytes: 100_000_000,
  maxConcurrentPerAccount: 20,
  maxSocketsPerIp: 50,
  maxDetachedCalls: 5,
  headersTimeoutMs: 2_000,
  requestTimeoutMs: 4_000,
  idleSocketMs: 2_000,
  writeStallMs: 1_000,
  drainMs: 2_000,
};

export const TEST_LISTENER: ListenerConfig = {
  tls: undefined,
  cors: undefined,
  drainDelayMs: 0,
  trustedProxies: [],
  proxyHeader: undefined,
};

export interface WorldOptions {
  readonly contract?: string | Contract;
  readonly limits?: Partial<GatewayLimits>;
  readonly listener?: Partial<ListenerConfig>;
  readonly idempotencyBytes?: number;
  readonly config?: Partial<GatewayConfig>;
  readonly accountEndpoints?: AccountEndpoints;
  /** Of the upstream's responses; in lower case. */
  readonly hiddenHeaders?: readonly string[];
  /** What stands between the client and the upstream; the gateway by default. */
  readonly front?: (options: GatewayOptions) => Gateway;
}

/** A gateway between raw sockets, and what it reported. */
export class World {
  readonly upstream = new RawUpstream();
  readonly finished: FinishedExchange[] = [];
  readonly events: string[] = [];
  readonly under: MeterUnderTest;
  readonly accounts: TestAccount[] = [];
  readonly #options: WorldOptions;
  #gateway: Gateway | undefined;
  #isOpen = false;
  port = 0;

  constructor(under: MeterUnderTest, options: WorldOptions = {}) {
    this.under = under;
    this.#options = options;
  }

  async open(): Promise<this> {
    await this.upstream.listen();
    const {
      contract = "farebox",
      limits,
      listener,
      config,
      idempotencyBytes = 50_000,
      accountEndpoints,
      hiddenHeaders,
      front = createGateway,
    } = this.#options;
    this.#gateway = front({
      config: {
        upstreams: [
          {
            name: "api",
            url: this.upstream.url,
            host: undefined,
            pathPrefix: undefined,
            headers: { "x-upstream-token": "of-the-provider" },
            hiddenHeaders,
            connectTimeoutMs: 500,
            headersTimeoutMs: 1_000,
            bodyTimeoutMs: 1_000,
            maxConnections: 20,
          },
        ],
        open: ["GET /open"],
        gateway: { ...TEST_LIMITS, ...TEST_LISTENER, ...limits, ...listener },
        idempotency: { keepHours: 24, maxBodyBytes: idempotencyBytes },
        ...config,
      },
      contract: typeof contract === "string" ? loadContract(contract) : contract,
      meter: this.under.meter,
      accountEndpoints,
      events: this.#record(),
      clock: { unixMs: () => Date.now() },
    });
    this.port = (await this.#gateway.listen("127.0.0.1", 0)).port;
    this.#isOpen = true;
    return this;
  }

  /** Resolves when closing may begin. */
  announceEnd(): Promise<void> {
    assert.ok(this.#gateway !== undefined);
    return this.#gateway.announceEnd();
  }

  /** Hands a connection to the gateway that it has not accepted itself. */
  accept(socket: Socket): void {
    this.#gateway?.accept(socket);
  }

  /** Closes the gateway only. */
  async closeGateway(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#gateway?.close();
  }

  async close(): Promise<void> {
    await this.closeGateway();
    await this.upstream.close();
    await this.under.close();
  }

  /** A new account with 1,000 credits. */
  async account(): Promise<TestAccount> {
    const account = await this.under.openAccount();
    this.accounts.push(account);
    return account;
  }

  /** Every account's leases have gone back (invariant I8). */
  async atRest(): Promise<void> {
    for (const account of this.accounts) await account.atRest();
  }

  /** On a bare socket. */
  client(): RawClient {
    return new RawClient(this.port);
  }

  get speaksHttp2(): boolean {
    return this.#options.listener?.tls !== undefined;
  }

  /** By the world's protocol. */
  anyClient(): TestClient {
    return this.speaksHttp2 ? new Http2Client(this.port) : this.client();
  }

  /** Looks for another certificate. */
  reloadCertificate(): void {
    this.#gateway?.reloadCertificate();
  }

  /** Sends a request with the account's key and further header lines. */
  async request(
    account: TestAccount | undefined,
    line: string,
    headers: readonly string[] = [],
    body = "",
  ): Promise<RawResponse> {
    const client = this.anyClient();
    client.write(requestText(account, line, headers, body));
    const response = await client.response(line.startsWith("HEAD"));
    client.leave();
    return response;
  }

  /** The same with a body of any bytes; the headers say how it is framed. */
  async requestBytes(
    account: TestAccount,
    line: string,
    headers: readonly string[],
    body: Buffer,
  ): Promise<RawResponse> {
    const head = Buffer.from(requestText(account, line, headers), "latin1");
    const client = this.anyClient();
    client.write(Buffer.concat([head, body]));
    const response = await client.response(line.startsWith("HEAD"));
    client.leave();
    return response;
  }

  /** Waits until a number of exchanges are over. */
  async finishedAtLeast(count: number): Promise<void> {
    await eventually(() => this.finished.length >= count);
  }

  #record(): GatewayEvents {
    const events = this.events;
    return {
      ...silentGatewayEvents,
      finished: (exchange) => this.finished.push(exchange),
      upstreamFailed: ({ code }) => events.push(`upstreamFailed ${code}`),
      refunded: () => events.push("refunded"),
      detached: ({ finished }) => events.push(`detached ${finished}`),
      usageNotSpliced: ({ reason }) => events.push(`usageNotSpliced ${reason}`),
      clientBroken: (code) => events.push(`clientBroken ${code}`),
      socketRefused: () => events.push("socketRefused"),
      certificateLoaded: () => events.push("certificateLoaded"),
      certificateRefused: (reason) => events.push(`certificateRefused ${reason}`),
      failed: (_id, error) => events.push(`failed ${String(error)}`),
    };
  }
}

export function requestText(
  account: TestAccount | undefined,
  line: string,
  headers: readonly string[] = [],
  body = "",
): string {
  const lines = [`${line} HTTP/1.1`, "Host: api.example"];
  if (account !== undefined) lines.push(`Authorization: Bearer ${account.key}`);
  if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${[...lines, ...headers].join("\r\n")}\r\n\r\n${body}`;
}

/** An upstream's answer with its length. */
export function ok(body: string, headers: readonly string[] = [], status = "200 OK"): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** An upstream's answer in chunks, of which the last is the end. */
export function chunked(
  parts: readonly string[],
  headers: readonly string[] = [],
  end = "0\r\n\r\n",
): string {
  const head = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", ...headers].join("\r\n");
  const chunks = parts.map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`);
  return `${head}\r\n\r\n${chunks.join("")}${end}`;
}

/** Waits for a condition that some event will make true. */
export async function eventually(test: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await test())) {
    if (performance.now() > deadline) throw new Error("it did not come true");
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Waits until the books say what some event will make them say, and gives them. */
export async function eventualBooks(account: TestAccount, test: (books: Books) => boolean): Promise<Books> {
  let books = await account.books();
  await eventually(async () => {
    books = await account.books();
    return test(books);
  });
  return books;
}

export function sum(amounts: readonly Credits[]): string {
  return formatCredits(amounts.reduce((total, amount) => total + amount, 0n));
}
