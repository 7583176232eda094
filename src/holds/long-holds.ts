import { FareboxError } from "../domain/farebox-error.ts";
import { renderChargeId } from "../domain/ids.ts";
import { chargedOn } from "../domain/prices/compute-charge.ts";
import { versionOf } from "../domain/prices/own/own-prices.ts";
import type { Price, RequestFacts } from "../domain/prices/price.ts";
import { isPlain } from "../domain/prices/price-shape.ts";
import type { RateLimitState, Refusal } from "../domain/refusal.ts";
import { readBookedCharge } from "../ledger/calls/find-charge-since.ts";
import type { Queryable } from "../ledger/database/database.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { KnownLongHold, LongSettlement, SettledPart } from "../ledger/long-holds/long-hold.ts";
import { LongHoldRows } from "../ledger/long-holds/long-hold-rows.ts";
import type { Identity, Meter, Route } from "../meter/meter.ts";
import { explainShortage } from "../meter/refusals.ts";
import { costOf, onceOf, type PricedClaims, poolOf, tellUncollected, tooLate } from "./claimed-charge.ts";
import type { DatabaseClock } from "./database-clock.ts";
import type { HoldDecision, HoldEnd, HoldOutcome, HoldRequest } from "./hold.ts";
import type { HoldEvents } from "./hold-events.ts";
import type { HoldTokens } from "./hold-token.ts";
import { keepFacts } from "./kept-facts.ts";

export interface LongHoldParts {
  readonly meter: Pick<Meter, "quote" | "tell">;
  readonly database: Queryable;
  readonly ledger: Pick<Ledger, "refund">;
  readonly clock: DatabaseClock;
  readonly events: Pick<HoldEvents, "refused">;
}

/** A request whose account is known and which has a route. */
interface Known {
  readonly requestId: string;
  readonly identity: Identity;
  readonly endpoint: string;
  readonly rate: RateLimitState | undefined;
}

/**
 * Holds of up to a day, in the database: any instance settles them, in parts, and none has to live for it. Each of their calls is one
 * transaction, which whoever does not know what came of it asks for again.
 */
export class LongHolds {
  readonly #parts: LongHoldParts;
  readonly #tokens: HoldTokens;
  readonly #rows: LongHoldRows;

  constructor(parts: LongHoldParts, tokens: HoldTokens) {
    this.#parts = parts;
    this.#tokens = tokens;
    this.#rows = new LongHoldRows(parts.database);
  }

  /**
   * What the account has under the caller's id already. Rejects with FareboxError `hold_conflict`, and with `hold_not_long` for what no
   * long hold can be made for.
   */
  async find(identity: Identity, request: HoldRequest): Promise<HoldDecision | undefined> {
    if (request.idempotency !== undefined) {
      throw new FareboxError(
        "hold_not_long",
        "A long hold keeps no answer under an Idempotency-Key: leave the header out, and make the id of what the customer sent in it.",
      );
    }
    const found = await this.#rows.find(identity, idOf(request));
    return found && this.#tell(found, request);
  }

  /** Holds it. Rejects like {@link LongHolds.find} and the database: the same is to be asked again. */
  async hold(request: HoldRequest, route: Route, known: Known, facts: RequestFacts): Promise<HoldDecision> {
    const { identity, requestId, endpoint } = known;
    const { max } = request;
    const priced = this.#parts.meter.quote({ identity, route, facts, max });
    if ("code" in priced) return { ...known, kind: "refused", refusal: priced };
    const { price, quote } = priced;
    if (price === undefined) return { ...known, kind: "admitted", hold: undefined, price, quote };
    const token = this.#sign(request, route, known, price, facts);
    const opened = await this.#rows.open({
      pool: { ...identity, creditType: price.creditType },
      keyId: identity.keyId,
      endpoint,
      requestId,
      callerId: idOf(request),
      content: request.content(),
      token,
      amount: quote.amount,
      units: quote.units,
      most: max,
      ttlSeconds: request.ttlMs / 1_000,
    });
    if (opened.kind === "found") return this.#tell(opened.hold, request);
    if (opened.kind === "held") {
      return { ...known, kind: "admitted", hold: { token, expiresInMs: opened.leftMs }, price, quote };
    }
    const refusal = explainShortage(price.creditType, quote.amount, opened.shortage);
    return { ...known, kind: "refused", refusal };
  }

  /**
   * Charges a part, or the rest. Rejects with FareboxError `part_not_possible`, `hold_settled`, `hold_released`, `hold_expired`, and like
   * the database: the same is to be asked again.
   */
  async settle(claims: PricedClaims, outcome: HoldOutcome): Promise<HoldEnd> {
    const { price, max, requestId } = claims;
    const { part } = outcome;
    const pool = poolOf(claims);
    const isCharged = chargedOn(price, outcome.status);
    if (isCharged && part !== undefined) refuseParts(price, outcome);
    const cost = isCharged ? costOf(claims, outcome) : undefined;
    if (cost !== undefined && price.decide === "answer" && max !== undefined && cost.amount > max) {
      return this.#refuse(aboveMax(price, cost.amount, max));
    }
    const result = await this.#rows.settle({
      pool,
      requestId,
      part,
      content: outcome.content,
      isWhole: outcome.cost === undefined && !saysItsUnits(price, outcome),
      charge: cost && chargeOf(claims, outcome, cost),
    });
    if (result.kind === "told") return await this.#end(claims, result.settled);
    if (result.kind === "short")
      return this.#refuse(explainShortage(price.creditType, cost?.amount ?? 0n, result.shortage));
    throw refusedSettlement(result.kind, requestId, part);
  }

  /**
   * Sets free what it holds; what its parts were charged stays. One that its last settlement has ended: that is refunded. Credits that
   * were given back. Rejects with FareboxError `hold_expired`, and like the ledger.
   */
  async release(claims: PricedClaims, reason: string): Promise<bigint> {
    const { requestId } = claims;
    const pool = poolOf(claims);
    const released = await this.#rows.release(pool, requestId);
    if (released.kind === "unknown") throw tooLate(requestId);
    if (released.kind === "released" || released.seq === null) return 0n;
    const booked = await readBookedCharge(this.#parts.database, pool, released.seq);
    if (booked === undefined || booked.charged === 0n) return 0n;
    await this.#parts.ledger.refund(pool, released.seq, "all", reason, requestId);
    return booked.charged;
  }

  /** From now on. Rejects with FareboxError `hold_expired` when it is not open any more. */
  async extend(claims: PricedClaims, ttlMs: number): Promise<void> {
    const { requestId } = claims;
    const extended = await this.#rows.extend(poolOf(claims), requestId, ttlMs / 1_000);
    if (extended === "extended") return;
    throw new FareboxError("hold_expired", "The hold is over: it cannot be extended.", {
      detail: { requestId },
    });
  }

  #refuse(refusal: Refusal): HoldEnd {
    this.#parts.events.refused(refusal);
    return { kind: "refused", refusal };
  }

  #tell(found: KnownLongHold, request: HoldRequest): HoldDecision {
    if (found.content !== request.content()) throw conflict(idOf(request));
    const { token, requestId, amount, units, leftMs } = found;
    const { accountId, shard, keyId, endpoint, price } = this.#tokens.read(token);
    return {
      kind: "admitted",
      requestId,
      identity: { accountId, shard, keyId },
      endpoint,
      rate: undefined,
      hold: { token, expiresInMs: leftMs },
      price,
      quote: { amount, units },
    };
  }

  async #end(claims: PricedClaims, settled: SettledPart): Promise<HoldEnd> {
    if (settled.kind === "free") return { kind: "free" };
    const pool = poolOf(claims);
    const { seq, charged, uncollected, balance, units, isAgain } = settled;
    if (!isAgain) tellUncollected(this.#parts.meter, claims, settled);
    const booked =
      seq !== null && isAgain ? await readBookedCharge(this.#parts.database, pool, seq) : undefined;
    return {
      kind: "charged",
      creditType: pool.creditType,
      charged,
      uncollected,
      balance,
      units,
      chargeId: seq === null ? undefined : renderChargeId({ ...pool, seq }),
      refunded: booked?.refunded ?? 0n,
    };
  }

  #sign(
    { target, max }: HoldRequest,
    route: Route,
    { requestId, identity, endpoint }: Known,
    price: Price,
    facts: RequestFacts,
  ): string {
    const { accountId, shard, keyId } = identity;
    const claims = {
      requestId,
      instanceId: "",
      issuedAt: this.#parts.clock.now(),
      accountId,
      shard,
      keyId,
      long: true,
      priceList: versionOf(route, price),
      endpoint,
      price,
      max,
      chargedSeq: undefined,
      idempotency: undefined,
    } as const;
    return this.#tokens.sign(claims, keepFacts(price, facts, target.query, route.reads));
  }
}

/** Throws FareboxError `part_not_possible`. */
function refuseParts(price: Price, outcome: HoldOutcome): void {
  const { endpoint } = price;
  if (price.once !== undefined || price.decide === "answer") {
    const why = price.once === undefined ? "is decided on the answer" : "is charged once in a time";
    throw notInParts(`The price of ${endpoint} ${why}: settle it whole, without part.`);
  }
  if (outcome.cost !== undefined || saysItsUnits(price, outcome)) return;
  throw notInParts(
    isPlain(price) && price.per === "result"
      ? `A part of ${endpoint} says its units, or its cost.`
      : `The price of ${endpoint} is for a whole job: a part of it says its cost.`,
  );
}

/** What many results cost is what they cost one by one: then parts are charged by their units. */
function saysItsUnits(price: Price, { units }: HoldOutcome): boolean {
  return isPlain(price) && price.per === "result" && units !== undefined;
}

function chargeOf(
  { keyId, endpoint, priceList, price, facts }: PricedClaims,
  { status }: HoldOutcome,
  cost: ReturnType<typeof costOf>,
): LongSettlement["charge"] {
  return {
    ...cost,
    keyId,
    endpoint,
    status,
    priceList,
    once: onceOf(price, facts),
    whole: price.decide === "answer" ? true : undefined,
  };
}

function aboveMax({ creditType }: Price, quote: bigint, max: bigint): Refusal {
  return { code: "quote_above_max", creditType, quote, max };
}

function refusedSettlement(
  kind: "unknown" | "conflict" | "settled" | "released" | "expired" | "alone" | "full",
  requestId: string,
  part: string | undefined,
): FareboxError {
  const detail = { requestId, ...(part !== undefined && { part }) };
  const what = part === undefined ? "The hold" : `Part ${part} of the hold`;
  switch (kind) {
    case "conflict":
      return new FareboxError("hold_settled", `${what} was settled with another outcome.`, { detail });
    case "settled":
      return new FareboxError(
        "hold_settled",
        `The hold's last settlement was made before: ${what} is not charged.`,
        {
          detail,
        },
      );
    case "released":
      return new FareboxError("hold_released", "The hold was released, so it cannot be settled.", { detail });
    case "alone":
      return notInParts(
        "Parts of the hold are settled: the last settlement says its cost, or, where the price is plain and per result, its units.",
      );
    case "full":
      return notInParts(
        "10,000 parts of the hold are settled, and it has no more: make its last settlement.",
      );
    case "unknown":
    case "expired":
      return tooLate(requestId);
    default:
      return kind satisfies never;
  }
}

function notInParts(text: string): FareboxError {
  return new FareboxError("part_not_possible", text);
}

function conflict(id: string): FareboxError {
  return new FareboxError("hold_conflict", `Another request was authorized under the id ${id}.`, {
    detail: { id },
  });
}

/** Doors see to it that there is one. */
function idOf({ id }: HoldRequest): string {
  if (id === undefined) throw new TypeError("a long hold without an id");
  return id;
}
