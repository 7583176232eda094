import type { RenderContext } from "../../contract/contract.ts";
import type { FoundKey } from "../../contract/key/found-key.ts";
import { plainAddress } from "../../domain/addresses.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import type { Admission, Identity, Route, Settlement } from "../../meter/meter.ts";
import type { RequestHead } from "../headers/request-guard.ts";
import { createRequestId } from "../headers/request-id.ts";
import type { Sender } from "../headers/sender.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ClientRequest, ClientResponse } from "./client-message.ts";
import type { ExchangeParts } from "./exchange-parts.ts";
import { readHeader } from "./lazy-request-facts.ts";
import type { ToldOutcome } from "./told-outcome.ts";

/** An `Idempotency-Key` with the fingerprint of its request. */
export interface IdempotencyRequest {
  readonly key: string;
  readonly requestHash: string;
}

/** A step that goes on while the client may leave. */
export interface ClientWaiter {
  clientLeft(): void;
}

/** One request and its answer: what the steps have found out so far. Each field is written by one step. */
export class Exchange {
  readonly parts: ExchangeParts;
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly requestId: string;
  readonly startedMs: number;
  readonly method: string;
  /** The client's connection; undefined for upgrades, which are handed over with it. */
  connection: ClientConnection | undefined;

  // Step: inspect.
  head: RequestHead | undefined;
  /** Without the key, where the query had it. */
  target: RequestTarget | undefined;
  keyInQuery: FoundKey | undefined;
  /** Who sent it, where a trusted proxy tells; undefined: the peer did. */
  sender: Sender | undefined;
  /** The client's address, while this request counts among those that it has under way. */
  addressSlot: string | undefined;
  // Step: identify.
  identity: Identity | undefined;
  route: Route | undefined;
  endpoint: string | undefined;
  /** The account whose concurrent requests this one counts among, until its end. */
  slot: string | undefined;
  /** Headers that tell the state of the rate limit, on every answer after the limit was asked. */
  rateHeaders: readonly (readonly [string, string])[] = [];
  /** The credit type that an answer is about which no price of the list names: an export's. */
  spends: string | undefined;
  /** What the contract says of the account on an answer that is not charged. */
  answeredHeaders: readonly (readonly [string, string])[] = [];
  // Step: admit.
  /** The request's body when it was read before forwarding, in the chunks in which it came. */
  body: readonly Buffer[] | undefined;
  idempotency: IdempotencyRequest | undefined;
  admission: Admission | undefined;
  // Step: forward.
  upstreamStatus: number | undefined;
  /** What the handler told of its call; undefined: the work is done elsewhere. */
  told: ToldOutcome | undefined;
  settlement: Settlement | undefined;
  /** With what it was refused, in any step. */
  refusal: Refusal | undefined;

  /** A large answer is being written. */
  sending: Promise<void> | undefined;

  /** The client's connection has closed before its answer was complete. */
  clientGone = false;
  #heldBytes = 0;
  #holder: string | undefined;
  readonly #over: ((exchange: Exchange) => void) | undefined;
  /**
   * Told once when that happens; set by the step that waits. An object and no function: V8 allocates a function literal
   * that is assigned to a property in the old generation, where each would keep its whole request alive until the next
   * full collection (measured: a fifth of the gateway's time).
   */
  waiter: ClientWaiter | undefined;

  /** `over` is told at the end of `endExchange`; the same function for all, so that none is made for each. */
  constructor(
    parts: ExchangeParts,
    request: ClientRequest,
    response: ClientResponse,
    over?: (exchange: Exchange) => void,
  ) {
    this.parts = parts;
    this.request = request;
    this.response = response;
    this.#over = over;
    this.method = request.method ?? "";
    this.startedMs = parts.clock.unixMs();
    this.requestId = createRequestId(this.startedMs);
  }

  /** Reads a request header by its lower-case name. Made when it is asked for: few requests need it. */
  get header(): (name: string) => string | undefined {
    const { rawHeaders } = this.request;
    return (name) => readHeader(rawHeaders, name);
  }

  /** The key that the request came with. */
  readKey(): FoundKey {
    return this.parts.contract.readKey(this.request.rawHeaders, this.keyInQuery);
  }

  /** Whose request it is: the peer's, or who a trusted proxy says. */
  get clientAddress(): string {
    return (
      this.sender?.address ??
      this.connection?.plainAddress ??
      plainAddress(this.request.socket?.remoteAddress ?? "")
    );
  }

  get context(): RenderContext {
    return {
      requestId: this.requestId,
      endpoint: this.endpoint,
      path: this.target?.path,
      nowMs: this.parts.clock.unixMs(),
      startedMs: this.startedMs,
    };
  }

  /** Counts bytes of a body that stay in memory; false: there is no room for them. */
  holdBody(bytes: number): boolean {
    this.#holder ??= this.identity?.accountId ?? "";
    if (!this.parts.bodies.hold(this.#holder, bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** What was held is free when the client has taken its answer, or has gone. */
  releaseBodies(): void {
    if (this.#heldBytes === 0) return;
    const { response } = this;
    const release = (): void => {
      this.parts.bodies.release(this.#holder ?? "", this.#heldBytes);
      this.#heldBytes = 0;
    };
    if (response.writableFinished || response.destroyed) release();
    else {
      response.once("finish", release);
      response.once("close", release);
    }
  }

  /** Answer and books are settled and reported. */
  over(): void {
    this.#over?.(this);
  }

  /** Told by the socket, which may close at any moment of the exchange. */
  clientLeft(): void {
    if (this.clientGone || this.response.writableFinished) return;
    this.clientGone = true;
    this.waiter?.clientLeft();
  }
}
