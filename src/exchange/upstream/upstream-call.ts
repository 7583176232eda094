import type { Dispatcher } from "undici";
import type { Refusal } from "../../domain/refusal.ts";
import { RequestBodyTooLarge } from "../body/request-body.ts";
import { readInTurn, takeReadingTurn } from "../body/turns.ts";
import { readResponseHead } from "../headers/response-headers.ts";
import { type UpstreamHead, upstreamHead } from "../headers/upstream-head.ts";
import type { ClientWaiter, Exchange } from "../parts/exchange.ts";
import type { Upstream } from "../parts/upstream.ts";
import { tellAnswered } from "../response/account-state.ts";
import { endExchange } from "../response/end-exchange.ts";
import { refusalOfError } from "../response/error-refusal.ts";
import { refuse } from "../response/respond.ts";
import { answerNeedsOf } from "./answer-needs.ts";
import { CallStopped, type Delivery } from "./delivery.ts";
import { faultCode, upstreamRefusal } from "./upstream-fault.ts";

/** The name of the one set of slots that all detached calls share. */
const DETACHED = "calls";

/** Chooses how a response is delivered. */
export type ChooseDelivery = (call: UpstreamCall, head: UpstreamHead) => Delivery;

/** One call to an upstream: undici's events on one side, a {@link Delivery} on the other. */
export class UpstreamCall implements Dispatcher.DispatchHandler, ClientWaiter {
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly #choose: ChooseDelivery;
  #controller: Dispatcher.DispatchController | undefined;
  #delivery: Delivery | undefined;
  #stopped: CallStopped | undefined;
  #detachedTimer: NodeJS.Timeout | undefined;
  /** Why nothing more is read of the answer: the delivery has enough, or others have their turn. */
  #isHeldBack = false;
  #isWaiting = false;
  #isFailed = false;
  #isFinished = false;

  /** Counts among the upstream's calls, and ends the exchange, when the client's answer and the books are both settled. */
  constructor(exchange: Exchange, upstream: Upstream, choose: ChooseDelivery) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.#choose = choose;
    upstream.calls++;
    exchange.waiter = this;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#stopped !== undefined) controller.abort(this.#stopped);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    // Informational responses are the upstream's business with us (RFC 9110 §15.2).
    if (status < 200) return;
    const { parts, admission, method } = this.exchange;
    this.exchange.upstreamStatus = status;
    const raw = controller.rawHeaders;
    const needs = answerNeedsOf(admission?.price);
    const list = Array.isArray(raw) ? raw : [];
    const head = readResponseHead(list, parts.ownHeaders, parts.config.gateway.maxHeaderCount, {
      countHeader: needs.countHeader,
      read: needs.headers,
      hidden: this.upstream.hiddenHeaders,
    });
    if ("reason" in head) {
      this.reject(head.reason, "invalid_head");
      return;
    }
    this.#delivery = this.#choose(this, upstreamHead(head, status, statusText, method));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const hasTime = readInTurn(chunk.length, () => this.#delivery?.data(chunk));
    // What has been read of the socket comes also while it is paused.
    if (hasTime || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#pace();
    takeReadingTurn(() => {
      this.#isWaiting = false;
      this.#pace();
    });
  }

  onResponseEnd(): void {
    this.#delivery?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#delivery !== undefined) this.#delivery.broken(error);
    else this.failed(error, false);
  }

  /** Another way of delivering takes over. */
  deliverBy(delivery: Delivery): void {
    this.#delivery = delivery;
  }

  pause(): void {
    this.#isHeldBack = true;
    this.#pace();
  }

  resume(): void {
    this.#isHeldBack = false;
    this.#pace();
  }

  /** Ends the call; the delivery (or {@link failed}) is told by its error. */
  abort(): void {
    this.#stopped ??= new CallStopped();
    this.#controller?.abort(this.#stopped);
  }

  /** The call ended without a response that can be sent: nothing is charged, and the client is told why. */
  failed(error: unknown, headReceived: boolean): void {
    if (error instanceof RequestBodyTooLarge) {
      const limitBytes = this.exchange.parts.config.gateway.maxRequestBodyBytes;
      this.#fail({ code: "request_too_large", limitBytes }, undefined);
    } else if (error instanceof CallStopped || this.exchange.clientGone) {
      this.#fail({ code: "upstream_unreachable" }, undefined);
    } else {
      this.#fail(upstreamRefusal(error, headReceived), faultCode(error));
    }
  }

  /** The upstream's answer cannot be used: its rest is not read, nothing is charged, and the client is told why. */
  reject(reason: string, code: string): void {
    this.#fail({ code: "upstream_invalid", reason }, code);
    this.abort();
  }

  /** Something of ours failed after the upstream had answered: the answer is not sent. */
  failedByUs(error: unknown): void {
    const refusal = refusalOfError(error);
    if (refusal.code === "internal_error") this.exchange.parts.events.failed(this.exchange.requestId, error);
    refuse(this.exchange, refusal);
    this.finish();
  }

  /** The answer and the books are settled. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#detachedTimer !== undefined) {
      clearTimeout(this.#detachedTimer);
      this.exchange.parts.detached.leave(DETACHED);
    }
    this.upstream.calls--;
    endExchange(this.exchange);
  }

  /**
   * Whether the call goes on without its client, so that hanging up is no way not to pay: within the cap on such calls,
   * and only once the upstream has the whole request.
   */
  detach(): boolean {
    const { exchange } = this;
    const { parts, admission, idempotency, requestId } = exchange;
    const wanted =
      admission?.price === undefined ? idempotency !== undefined : admission.price.detached === "finish";
    const sent = exchange.body !== undefined || exchange.head?.bodyLength === 0 || exchange.request.complete;
    const finished = wanted && sent && parts.detached.enter(DETACHED);
    parts.events.detached({ requestId, finished });
    if (!finished) return false;
    this.#detachedTimer = setTimeout(() => this.#stopDetached(), parts.config.gateway.requestTimeoutMs);
    this.#detachedTimer.unref();
    return true;
  }

  clientLeft(): void {
    if (this.#isFinished) return;
    if (this.#delivery !== undefined) this.#delivery.clientLeft();
    else if (!this.detach()) this.abort();
  }

  #pace(): void {
    if (this.#isHeldBack || this.#isWaiting) this.#controller?.pause();
    else this.#controller?.resume();
  }

  #stopDetached(): void {
    if (this.#delivery === undefined) this.abort();
    else this.#delivery.stop();
  }

  #fail(refusal: Refusal, code: string | undefined): void {
    // The call that is rejected ends with an error too, which must not be told before the reason.
    if (this.#isFailed) return;
    this.#isFailed = true;
    const { exchange, upstream } = this;
    if (code !== undefined) {
      const reason = "reason" in refusal ? refusal.reason : refusal.code;
      exchange.parts.events.upstreamFailed({
        requestId: exchange.requestId,
        upstream: upstream.name,
        code,
        reason,
      });
    }
    void this.#cancelAndRefuse(refusal);
  }

  async #cancelAndRefuse(refusal: Refusal): Promise<void> {
    const { exchange } = this;
    const cancelled = exchange.admission?.cancel();
    // A key must be free before the client hears that it may try again.
    if (exchange.idempotency !== undefined) await cancelled;
    await tellAnswered(exchange, refusal);
    refuse(exchange, refusal);
    await cancelled;
    this.finish();
  }
}
