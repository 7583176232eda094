import { FareboxError } from "../domain/farebox-error.ts";
import { parseChargeId } from "../domain/ids.ts";
import { ABSENT_BODY } from "../domain/prices/field-value.ts";
import { versionOf } from "../domain/prices/own/own-prices.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { countsAnswer, needsAnswerFacts } from "../domain/prices/price-shape.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import { createRequestId } from "../exchange/headers/request-id.ts";
import { LazyRequestFacts } from "../exchange/parts/lazy-request-facts.ts";
import { checkReadTarget } from "../exchange/request/check-read-fields.ts";
import type { Admission, Identity, Meter, Route } from "../meter/meter.ts";
import { isRefusal } from "../meter/refusals.ts";
import { isPriced } from "./claimed-charge.ts";
import {
  type ChargedAtOnce,
  type HoldDecision,
  type HoldOutcome,
  type HoldRequest,
  LONGEST_SHORT_SECONDS,
  type Released,
  type Settled,
} from "./hold.ts";
import { HoldBook } from "./hold-book.ts";
import { type HoldClaims, HoldTokens } from "./hold-token.ts";
import { keepFacts } from "./kept-facts.ts";
import { LongHolds } from "./long-holds.ts";
import { OpenHold } from "./open-hold.ts";
import { Elsewhere, type ElsewhereParts } from "./settle-elsewhere.ts";

/** How long a caller waits to be told what became of its hold; then it asks again. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 250;
/** The clocks of two machines drift apart by less than a tenth of a second in this time. */
const ADJUST_MS = 10 * 60_000;

export interface HoldsOptions extends ElsewhereParts {
  readonly meter: Meter;
  /** What tokens are signed with, the same at all instances of the database. */
  readonly secret: Uint8Array;
}

/**
 * Holds that callers settle by themselves: the request is served elsewhere. They are set aside in this instance's leases and charged in
 * its batches, as requests at the gateway are; each resolves once, also when it is settled at another instance after this one died.
 */
export class Holds {
  readonly #options: HoldsOptions;
  readonly #tokens: HoldTokens;
  readonly #book: HoldBook;
  readonly #elsewhere: Elsewhere;
  readonly #long: LongHolds;
  readonly #timers: NodeJS.Timeout[];

  constructor(options: HoldsOptions) {
    this.#options = options;
    this.#tokens = new HoldTokens(options.secret);
    this.#book = new HoldBook(options.events);
    this.#elsewhere = new Elsewhere(options);
    this.#long = new LongHolds(options, this.#tokens);
    this.#timers = [
      setInterval(() => this.#book.look(), LOOK_MS),
      setInterval(() => void options.clock.adjust().catch(() => undefined), ADJUST_MS),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Holds that may still be settled or released, and have not expired. */
  get open(): number {
    return this.#book.open;
  }

  /**
   * The decisions are the gateway's, in its order. Rejects with FareboxError `hold_conflict`; a long one also with `hold_not_long` and like
   * the database, when it is not known whether it is held: the same is to be asked again.
   */
  async authorize(request: HoldRequest): Promise<HoldDecision> {
    const found = request.identity ?? this.#options.meter.authenticate(request.key);
    const identity = found instanceof Promise ? await found : found;
    if (isRefusal(identity)) return this.#told({ ...this.#begin(), kind: "refused", refusal: identity });
    if (request.long) return await within(PATIENCE_MS, this.#authorizeLong(request, identity));
    if (request.id === undefined) return await this.#decide(request, identity, undefined);
    const callerId = `${identity.accountId} ${request.id}`;
    const known = this.#book.callerId(callerId);
    const content = request.content();
    if (known === undefined) {
      const decision = this.#decide(request, identity, callerId);
      this.#book.keepCallerId(callerId, { content, decision });
      return await decision;
    }
    if (known.content === content) return await known.decision;
    throw new FareboxError("hold_conflict", `Another request was authorized under the id ${request.id}.`, {
      detail: { id: request.id },
    });
  }

  /**
   * Rejects with FareboxError `hold_unknown`, `hold_settled`, `hold_released`, `hold_expired`, `part_not_possible`, and with
   * `hold_elsewhere` or `storage_unavailable` (retryable): the same is to be asked again.
   */
  async settle(token: string, outcome: HoldOutcome): Promise<Settled> {
    const claims = this.#tokens.read(token);
    const { requestId, accountId, shard, keyId, endpoint, price } = claims;
    const end = await within(PATIENCE_MS, this.#end(claims, outcome));
    return { requestId, endpoint, creditType: price?.creditType, identity: { accountId, shard, keyId }, end };
  }

  /**
   * Decides and charges the most that the request can cost, for doors that learn nothing of the answer; the token that comes of it
   * corrects the charge. `counted`: a price whose amount depends on the answer is charged so too; otherwise it rejects with FareboxError
   * `price_needs_answer`, as it always does for one that is decided on the answer. Rejects like {@link Holds.settle}.
   */
  async chargeAtOnce(request: HoldRequest, counted: "refuse" | "quote"): Promise<ChargedAtOnce> {
    const decision = await this.authorize(request);
    if (decision.kind !== "admitted" || decision.hold === undefined || decision.price === undefined)
      return { decision, charged: undefined };
    const { hold, price, quote, requestId } = decision;
    try {
      refuseAnswers(price, counted);
      const settled = await this.settle(hold.token, {
        status: chargedStatus(price),
        units: quote.units,
        cost: quote.amount,
        content: "at once",
      });
      const { end } = settled;
      const { seq } = (end.kind === "charged" && parseChargeId(end.chargeId)) || { seq: 0 };
      return { decision, charged: { token: this.#tokens.mark(hold.token, seq), settled } };
    } catch (error) {
      // Whatever comes of it: the request is refused, so it costs nothing.
      void this.release(hold.token, `request ${requestId} was not admitted`).catch(() => undefined);
      throw error;
    }
  }

  /** Sets free what a hold holds; of one that was charged, reverses the charge. Rejects like {@link Holds.settle}. */
  async release(token: string, reason: string): Promise<Released> {
    const claims = this.#tokens.read(token);
    if (claims.long && isPriced(claims)) {
      const refunded = await within(PATIENCE_MS, this.#long.release(claims, reason));
      return { requestId: claims.requestId, refunded };
    }
    const hold = claims.chargedSeq === undefined ? this.#book.get(claims.requestId) : undefined;
    if (hold === undefined) return await within(PATIENCE_MS, this.#elsewhere.release(claims, reason));
    const released = hold.release(reason);
    this.#book.changed(hold);
    return { requestId: claims.requestId, refunded: await within(PATIENCE_MS, released) };
  }

  /**
   * Holds it for so long from now on. Rejects with FareboxError `hold_unknown`, `hold_expired` when it is not open any more, and
   * `request_invalid` for longer than it can be.
   */
  async extend(
    token: string,
    ttlMs: number,
  ): Promise<{ readonly requestId: string; readonly expiresInMs: number }> {
    const claims = this.#tokens.read(token);
    const { requestId } = claims;
    const told = { requestId, expiresInMs: ttlMs };
    if (claims.long && isPriced(claims)) {
      await within(PATIENCE_MS, this.#long.extend(claims, ttlMs));
      return told;
    }
    if (ttlMs > LONGEST_SHORT_SECONDS * 1_000) throw tooLong();
    const hold = this.#book.get(requestId);
    if (hold?.isOpen !== true) {
      throw new FareboxError("hold_expired", "The hold is over: it cannot be extended.", {
        detail: { requestId },
      });
    }
    this.#book.extend(hold, ttlMs);
    return told;
  }

  /** Counts a request that a door refused by itself. */
  refused(refusal: Refusal): void {
    this.#options.events.refused(refusal);
  }

  /** What is still open goes back to its pool; it can be settled at another instance once this one has ended. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#book.lapseAll();
  }

  async #end(claims: HoldClaims, outcome: HoldOutcome): Promise<Settled["end"]> {
    if (claims.long && isPriced(claims)) return await this.#long.settle(claims, outcome);
    if (outcome.part !== undefined) throw notLong(claims.requestId);
    const hold = claims.chargedSeq === undefined ? this.#book.get(claims.requestId) : undefined;
    if (hold === undefined) return await this.#elsewhere.settle(claims, outcome);
    const isAgain = hold.isResolved;
    const ending = hold.settle(outcome);
    this.#book.changed(hold);
    try {
      const end = await ending;
      if (end.kind === "refused" && !isAgain) this.refused(end.refusal);
      return end;
    } catch (error) {
      this.#book.changed(hold);
      // This process goes on under another id: for the old one's holds it is another instance.
      if (!(error instanceof FareboxError) || error.code !== "instance_replaced") throw error;
      return await this.#elsewhere.settle(claims, outcome);
    }
  }

  #told(decision: HoldDecision): HoldDecision {
    if (decision.kind === "refused") this.refused(decision.refusal);
    return decision;
  }

  async #authorizeLong(request: HoldRequest, identity: Identity): Promise<HoldDecision> {
    return (await this.#long.find(identity, request)) ?? (await this.#decide(request, identity, undefined));
  }

  async #decide(
    request: HoldRequest,
    identity: Identity,
    callerId: string | undefined,
  ): Promise<HoldDecision> {
    return this.#told(await this.#decideOn(request, identity, callerId));
  }

  async #decideOn(
    request: HoldRequest,
    identity: Identity,
    callerId: string | undefined,
  ): Promise<HoldDecision> {
    const { meter } = this.#options;
    const { method, target, address } = request;
    const begun = { ...this.#begin(), identity };
    const route =
      meter.permitAddress(identity, address) ??
      meter.permit(identity, method, target.path) ??
      meter.route(method, target.path, identity);
    if (isRefusal(route)) return { ...begun, kind: "refused", refusal: route };
    const limited = meter.limit(identity, method, target.path);
    const rate = limited instanceof Promise ? await limited : limited;
    const known = { ...begun, endpoint: route.endpoint };
    if (rate !== undefined && "code" in rate) return { ...known, kind: "refused", refusal: rate };
    return await this.#admit(request, route, { ...known, rate }, callerId);
  }

  async #admit(
    request: HoldRequest,
    route: Route,
    known: Known,
    callerId: string | undefined,
  ): Promise<HoldDecision> {
    const { requestId, identity } = known;
    const facts = await readFacts(request, route);
    if (isRefusal(facts)) return { ...known, kind: "refused", refusal: facts };
    if (request.long) return await this.#long.hold(request, route, known, facts);
    const { max, idempotency } = request;
    const decision = await this.#options.meter.admit({
      requestId,
      identity,
      route,
      facts,
      max,
      idempotency,
      asHold: true,
    });
    if (decision.kind !== "admitted") return { ...known, ...decision };
    const { admission } = decision;
    const { price, quote } = admission;
    if (price === undefined && idempotency === undefined) {
      await admission.cancel();
      return { ...known, kind: "admitted", hold: undefined, price, quote };
    }
    const token = this.#signed(request, route, known, admission, facts);
    const subject = { requestId, accountId: identity.accountId, endpoint: route.endpoint };
    this.#book.add(new OpenHold(subject, admission, callerId), request.ttlMs);
    return { ...known, kind: "admitted", hold: { token, expiresInMs: request.ttlMs }, price, quote };
  }

  /** What settles it here, or elsewhere when this instance has gone. */
  #signed(
    { target, max, idempotency }: HoldRequest,
    route: Route,
    { requestId, identity }: Known,
    { price, onlyBy = "", owner }: Admission,
    facts: RequestFacts,
  ): string {
    const { accountId, shard, keyId } = identity;
    const { reads, endpoint } = route;
    return this.#tokens.sign(
      {
        requestId,
        instanceId: onlyBy,
        issuedAt: this.#options.clock.now(),
        accountId,
        shard,
        keyId,
        priceList: versionOf(route, price),
        endpoint,
        price,
        max,
        chargedSeq: undefined,
        idempotency: idempotency === undefined || owner === undefined ? undefined : { ...idempotency, owner },
      },
      keepFacts(price, facts, target.query, reads),
    );
  }

  #begin() {
    return {
      requestId: createRequestId(Date.now()),
      identity: undefined,
      endpoint: undefined,
      rate: undefined,
    };
  }
}

function notLong(requestId: string): FareboxError {
  return new FareboxError(
    "part_not_possible",
    "The hold is a short one, which is settled whole: authorize with long to settle it in parts.",
    { detail: { requestId } },
  );
}

function tooLong(): FareboxError {
  const reason = `must be at most ${LONGEST_SHORT_SECONDS}: the hold is a short one, so authorize with long`;
  return new FareboxError("request_invalid", `The request is not valid: ttl ${reason}.`, {
    detail: { errors: [{ path: "ttl", reason }] },
  });
}

/** Throws FareboxError `price_needs_answer`. */
function refuseAnswers(price: Price, counted: "refuse" | "quote"): void {
  const isAfter = price.decide === "answer";
  if (!isAfter && (counted === "quote" || !(countsAnswer(price) || needsAnswerFacts(price)))) return;
  throw new FareboxError(
    "price_needs_answer",
    `What ${price.endpoint} costs depends on the answer, which is not seen here${isAfter ? "" : ": let it cost the most that it can by sidecar.counted"}.`,
    { detail: { endpoint: price.endpoint } },
  );
}

/** A status with which the price is charged. */
function chargedStatus({ on }: Price): number {
  return typeof on === "string" ? 200 : (on[0] ?? 200);
}

/** A request whose account is known and which has a route. */
interface Known {
  readonly requestId: string;
  readonly identity: Identity;
  readonly endpoint: string;
  readonly rate: RateLimitState | undefined;
}

async function readFacts(request: HoldRequest, route: Route): Promise<RequestFacts | Refusal> {
  const { method, target, header } = request;
  const { reads, pathParams } = route;
  const unlike = route.priced
    ? (checkReadTarget(target, reads) ?? (reads && request.checkReads?.(reads)))
    : undefined;
  if (unlike !== undefined) return unlike;
  const body = reads?.body === undefined ? ABSENT_BODY : await request.readBody(reads.body);
  if ("code" in body) return body;
  return new LazyRequestFacts({
    method,
    path: target.path,
    pathParams,
    queryText: target.query,
    header,
    body,
  });
}

/** Rejects with FareboxError `storage_unavailable` (retryable) when it takes longer; what was begun goes on. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = "It is not known yet what became of it: ask the same again.";
      reject(new FareboxError("storage_unavailable", text, { retryable: true }));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
