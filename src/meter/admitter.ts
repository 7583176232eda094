import type { Lease } from "../domain/leases/lease.ts";
import { computeQuote, computeResultBound } from "../domain/prices/compute-quote.ts";
import { readOnceValue } from "../domain/prices/once-value.ts";
import type { Price, Quote } from "../domain/prices/price.ts";
import { isFreeFor, selectPrice } from "../domain/prices/select-price.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { IdempotentStart, PoolRef } from "../ledger/ledger.ts";
import { type AdmissionTerms, OpenAdmission } from "./admission.ts";
import type { AdmissionParts, Claimed } from "./admission-parts.ts";
import type { LeaseAnswer } from "./lease-line.ts";
import type { AdmitRequest, Decision, Identity, PricedRequest, QuotedRequest } from "./meter.ts";
import { explainShortage, ROUTE_UNKNOWN, refusalOf, STORAGE_UNAVAILABLE } from "./refusals.ts";

/** What is set aside for a free request, and for one that is decided on the answer. */
const NOTHING: Quote = { amount: 0n, units: 0 };

/** What is known of a request when credits are set aside for it. */
interface Asked extends Pick<AdmissionTerms, "price" | "quote" | "owner" | "claim"> {
  readonly request: AdmitRequest;
}

type Priced = Asked & { readonly price: Price };

/** Decides whether a request may be forwarded, and sets aside what it can cost. */
export class Admitter {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  admit(request: AdmitRequest): Promise<Decision> | Decision {
    const selected = this.#select(request);
    if ("code" in selected) return this.#refuse(selected);
    const { price } = selected;
    if (request.idempotency !== undefined) return this.#admitOnce(request, price, request.idempotency);
    return this.#setAside(request, price, undefined);
  }

  /** See {@link Meter.quote}. */
  quote(request: QuotedRequest): PricedRequest | Refusal {
    const selected = this.#select(request);
    if ("code" in selected) return selected;
    const { price } = selected;
    if (price === undefined) return { price, quote: NOTHING };
    const quote = quoteWithin(price, request);
    return "code" in quote ? quote : { price, quote };
  }

  /** The price that applies; undefined: it costs nothing. */
  #select({
    route,
    facts,
    identity,
  }: Pick<AdmitRequest, "route" | "facts" | "identity">): Pick<PricedRequest, "price"> | Refusal {
    const { candidates, list } = route;
    const price = selectPrice(candidates, facts);
    if (price === undefined && candidates.length > 0 && list.unpriced === "refuse") return ROUTE_UNKNOWN;
    const charged = price === undefined || isFreeFor(price, facts.method) ? undefined : price;
    if (charged !== undefined && (identity.unconfirmed || this.#parts.life.isAway))
      return STORAGE_UNAVAILABLE;
    return { price: charged };
  }

  /** The Idempotency-Key is claimed first: a replay needs no credits and is not refused for any. */
  async #admitOnce(
    request: AdmitRequest,
    price: Price | undefined,
    idempotency: NonNullable<AdmitRequest["idempotency"]>,
  ): Promise<Decision> {
    const { accountId, shard } = request.identity;
    const { key, requestHash } = idempotency;
    const { ledger, life, tasks } = this.#parts;
    const free = (owner: string): Promise<void> =>
      tasks.attempt("freeing an Idempotency-Key", () =>
        ledger.abandonIdempotent(accountId, shard, key, owner),
      );
    let start: IdempotentStart | "silent";
    try {
      const undo = (late: IdempotentStart): void => {
        if (late.kind === "begun") void free(late.owner);
      };
      start = await life.within(ledger.beginIdempotent(accountId, shard, key, requestHash), undo, shard);
    } catch (error) {
      return this.#refuse(refusalOf(error));
    }
    if (start === "silent") return this.#refuse(STORAGE_UNAVAILABLE);
    if (start.kind === "running") return this.#refuse({ code: "idempotency_in_progress" });
    if (start.kind === "mismatch") return this.#refuse({ code: "idempotency_mismatch" });
    if (start.kind === "done") {
      if (start.response.body === null) return this.#refuse({ code: "idempotency_not_replayable" });
      return { kind: "replay", response: start.response };
    }
    const { owner } = start;
    const decision = await this.#setAside(request, price, owner);
    // Before the refusal is told: a top-up and a retry under the same key must not meet a run that is over.
    if (decision.kind === "refused") await life.within(free(owner), undefined, shard);
    return decision;
  }

  #setAside(
    request: AdmitRequest,
    price: Price | undefined,
    owner: string | undefined,
  ): Promise<Decision> | Decision {
    if (price === undefined) {
      return this.#admitted({ request, price, quote: NOTHING, owner, claim: undefined }, undefined);
    }
    const quote = quoteWithin(price, request);
    if ("code" in quote) return this.#refuse(quote);
    const claim = this.#parts.claimResults(request, computeResultBound(price, request.facts));
    const decide = (claimed: Claimed): Promise<Decision> | Decision =>
      claimed !== undefined && "code" in claimed
        ? this.#refuse(claimed)
        : this.#reserve({ request, price, quote, owner, claim: claimed });
    return claim instanceof Promise ? claim.then(decide) : decide(claim);
  }

  #reserve(asked: Priced): Promise<Decision> | Decision {
    const { request, price, quote, claim } = asked;
    const { creditType } = price;
    if (quote.amount === 0n) return this.#admitted(asked, undefined);
    const capKey = capKeyOf(request.identity, creditType);
    const lease = this.#parts.desk.reserve(request.identity.accountId, creditType, quote.amount, capKey);
    if (lease !== undefined) return this.#admitted(asked, lease);
    return this.#waitForLease(asked).then((decision) => {
      if (decision.kind === "refused") claim?.free();
      return decision;
    });
  }

  async #waitForLease(asked: Priced): Promise<Decision> {
    const { request, price, quote } = asked;
    const { accountId, shard } = request.identity;
    const pool: PoolRef = { accountId, creditType: price.creditType, shard };
    const capKey = capKeyOf(request.identity, price.creditType);
    const { desk, life } = this.#parts;
    const undo = (late: LeaseAnswer): void => {
      if (late.kind === "reserved") desk.unreserve(late.lease, quote.amount);
    };
    const answer = await life.within(desk.wait(pool, quote.amount, capKey), undo, shard);
    if (answer === "silent") return this.#refuse(STORAGE_UNAVAILABLE);
    if (answer.kind === "reserved") return this.#admitted(asked, answer.lease);
    try {
      if (answer.kind === "failed") return this.#refuse(refusalOf(answer.error));
      const repeat = await life.within(this.#isRepeat(request, price, pool), undefined, shard);
      if (repeat === "silent") return this.#refuse(STORAGE_UNAVAILABLE);
      if (repeat) return this.#admitted(asked, undefined, true);
    } catch (error) {
      return this.#refuse(refusalOf(error));
    }
    return this.#refuse(explainShortage(price.creditType, quote.amount, answer));
  }

  /** An account without credits may still repeat what it has paid for in this window. */
  async #isRepeat(request: AdmitRequest, price: Price, pool: PoolRef): Promise<boolean> {
    const value = readOnceValue(price, request.facts);
    return value !== undefined && (await this.#parts.ledger.isRepeat(pool, price.endpoint, value));
  }

  #admitted({ request, ...terms }: Asked, lease: Lease | undefined, repeat = false): Decision {
    const admission = new OpenAdmission(this.#parts, request, { ...terms, lease, repeat });
    return { kind: "admitted", admission };
  }

  #refuse(refusal: Refusal): Decision {
    return { kind: "refused", refusal };
  }
}

/** What is set aside for a request, which the caller's `Credits-Max` allows. */
function quoteWithin(price: Price, { facts, max }: Pick<AdmitRequest, "facts" | "max">): Quote | Refusal {
  // An account without any credits is admitted too: the answer may cost nothing.
  if (price.decide === "answer") return NOTHING;
  const quote = computeQuote(price, facts);
  if (max === undefined || max >= quote.amount) return quote;
  return { code: "quote_above_max", creditType: price.creditType, quote: quote.amount, max };
}

/** A key with caps draws on a lease of its own, held against the pool and the caps together. */
function capKeyOf(identity: Identity, creditType: string): string | undefined {
  return identity.capped?.has(creditType) ? identity.keyId : undefined;
}
