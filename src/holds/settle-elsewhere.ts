import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { renderChargeId } from "../domain/ids.ts";
import { chargedOn, computeCharge } from "../domain/prices/compute-charge.ts";
import type { Refusal } from "../domain/refusal.ts";
import { type BookedCharge, findChargeSince, readBookedCharge } from "../ledger/calls/find-charge-since.ts";
import type { Queryable } from "../ledger/database/database.ts";
import { isInstanceLive, releasePoolOf } from "../ledger/instance/instance-state.ts";
import type { ChargeItem, ChargeResult, Ledger, PoolRef } from "../ledger/ledger.ts";
import type { Meter } from "../meter/meter.ts";
import { explainShortage } from "../meter/refusals.ts";
import {
  costOf,
  isPriced,
  onceOf,
  type PricedClaims,
  poolOf,
  tellUncollected,
  tooLate,
} from "./claimed-charge.ts";
import type { DatabaseClock } from "./database-clock.ts";
import type { HoldEnd, HoldOutcome, Released } from "./hold.ts";
import type { HoldEvents } from "./hold-events.ts";
import type { HoldClaims } from "./hold-token.ts";

/** A hold lives a day at most, and whoever settles it late has an hour: what is older is not looked for. */
const OLDEST_MS = 25 * 60 * 60_000;
/** The database's clock may be set back meanwhile, by a little. */
const MARGIN_MS = 60_000;
/** That a hold was settled after its instance had died is remembered as long as its text may be used. */
const REMEMBERED_SECONDS = 26 * 60 * 60;

export interface ElsewhereParts {
  readonly meter: Pick<Meter, "tell">;
  readonly database: Queryable;
  readonly ledger: Pick<Ledger, "instanceId" | "hold" | "charge" | "refund">;
  readonly clock: DatabaseClock;
  readonly events: HoldEvents;
}

/**
 * Settles holds that this instance does not know: their instance has gone, and its leases with it. What it charged is in the books; what
 * it did not charge it never will, since it is dead by the database's word. Then the charge is made under a hold of nothing that has
 * the request's id: of all who try, one makes it.
 */
export class Elsewhere {
  readonly #parts: ElsewhereParts;

  constructor(parts: ElsewhereParts) {
    this.#parts = parts;
  }

  /**
   * Rejects with FareboxError `hold_elsewhere` (retryable) while the instance that made it lives, with `hold_expired`, and like the
   * ledger.
   */
  async settle(claims: HoldClaims, outcome: HoldOutcome): Promise<HoldEnd> {
    if (!isPriced(claims)) return { kind: "free" };
    if (claims.chargedSeq !== undefined) return await this.#correct(claims, claims.chargedSeq, outcome);
    const booked = await this.#find(claims);
    if (booked !== undefined) {
      this.#tell(claims, true);
      return bookedEnd(poolOf(claims), booked);
    }
    if (chargedOn(claims.price, outcome.status)) return await this.#charge(claims, outcome);
    this.#tell(claims, false);
    return { kind: "free" };
  }

  /** `booked`: the books had its charge already. */
  #tell({ requestId, accountId, endpoint }: PricedClaims, booked: boolean): void {
    this.#parts.events.settledElsewhere({ requestId, accountId, endpoint, booked });
  }

  /** Rejects like {@link Elsewhere.settle}. */
  async release(claims: HoldClaims, reason: string): Promise<Released> {
    const { requestId } = claims;
    const booked = isPriced(claims) ? await this.#find(claims) : undefined;
    if (!isPriced(claims) || booked === undefined || booked.charged === 0n)
      return { requestId, refunded: 0n };
    await this.#parts.ledger.refund(poolOf(claims), booked.seq, "all", reason, requestId);
    return { requestId, refunded: booked.charged };
  }

  /**
   * The charge was made when the request was admitted, of the most that it can cost: what its answer costs less goes back, once. More
   * is never taken. Rejects with FareboxError `hold_settled` when it was corrected to another amount before.
   */
  async #correct(claims: PricedClaims, seq: number, outcome: HoldOutcome): Promise<HoldEnd> {
    const { database, ledger } = this.#parts;
    const pool = poolOf(claims);
    const booked = seq === 0 ? undefined : await readBookedCharge(database, pool, seq);
    if (booked === undefined) return { kind: "free" };
    const less = booked.charged - correctedCost(claims, outcome, booked.charged);
    if (less <= 0n || booked.refunded >= booked.charged) return bookedEnd(pool, booked);
    try {
      const amount = less === booked.charged ? "all" : less;
      await ledger.refund(
        pool,
        seq,
        amount,
        `the answer cost less: status ${outcome.status}`,
        claims.requestId,
      );
    } catch (error) {
      if (!(error instanceof FareboxError) || error.code !== "refund_conflict") throw error;
      throw new FareboxError("hold_settled", "The charge was corrected to another amount before.", {
        detail: { requestId: claims.requestId },
        cause: error,
      });
    }
    return bookedEnd(pool, (await readBookedCharge(database, pool, seq)) ?? booked);
  }

  async #find(claims: PricedClaims): Promise<BookedCharge | undefined> {
    const { database, ledger, clock } = this.#parts;
    const { instanceId, issuedAt, requestId, shard, chargedSeq } = claims;
    if (chargedSeq !== undefined) return await readBookedCharge(database, poolOf(claims), chargedSeq);
    if (clock.now() - issuedAt > OLDEST_MS) throw tooLate(requestId);
    const isOwn = instanceId === ledger.instanceId;
    if (!isOwn && (await isInstanceLive(database, shard, instanceId))) {
      throw new FareboxError(
        "hold_elsewhere",
        "The hold was made by another instance, which is running: settle it there, or here once that one is known to be dead.",
        { retryable: true, detail: { requestId, instance: instanceId } },
      );
    }
    const since = new Date(issuedAt - MARGIN_MS);
    const booked = await findChargeSince(database, poolOf(claims), requestId, since);
    // It was ours, and is over for so long that we have forgotten what became of it.
    if (booked === undefined && isOwn) throw tooLate(requestId);
    return booked;
  }

  async #charge(claims: PricedClaims, outcome: HoldOutcome): Promise<HoldEnd> {
    const { database, ledger } = this.#parts;
    const pool = poolOf(claims);
    const { price, max } = claims;
    const { amount, units, measured } = costOf(claims, outcome);
    if (price.decide === "answer" && max !== undefined && amount > max) {
      return this.#refuse({ code: "quote_above_max", creditType: price.creditType, quote: amount, max });
    }
    // What it held for this request is in a lease that may not have gone back yet.
    await releasePoolOf(database, pool, claims.instanceId);
    const id = `settled:${claims.requestId}`;
    await ledger.hold({ pool, id, amount: 0n, ttlSeconds: REMEMBERED_SECONDS });
    const result = await ledger.charge({
      ...itemOf(claims, outcome),
      hold: { id },
      amount,
      units,
      measured,
      ...(price.decide === "answer"
        ? { whole: true }
        : { most: max !== undefined && max < amount ? max : undefined }),
    });
    if (result.shortage !== undefined)
      return this.#refuse(explainShortage(price.creditType, amount, result.shortage));
    // Of several instances at the same moment one has charged it, and counts what it lacked.
    const isAgain = result.isAgain === true;
    this.#tell(claims, isAgain);
    if (!isAgain) tellUncollected(this.#parts.meter, claims, result);
    return chargedEnd(pool, result, result.units ?? units);
  }

  #refuse(refusal: Refusal): HoldEnd {
    this.#parts.events.refused(refusal);
    return { kind: "refused", refusal };
  }
}

function itemOf(
  { requestId, keyId, endpoint, price, priceList, facts, idempotency, ...claims }: PricedClaims,
  { status, response }: HoldOutcome,
): Omit<ChargeItem, "hold" | "amount" | "units"> {
  return {
    pool: poolOf({ price, ...claims }),
    requestId,
    keyId,
    endpoint,
    status,
    priceList,
    once: onceOf(price, facts),
    idempotency: idempotency && { ...idempotency, response: response ?? { status, headers: [], body: null } },
  };
}

/** What the answer costs of what was charged for it, as far as it was told. */
function correctedCost({ price, facts }: PricedClaims, outcome: HoldOutcome, charged: Credits): Credits {
  if (!chargedOn(price, outcome.status)) return 0n;
  if (outcome.cost !== undefined) return outcome.cost;
  return outcome.units === undefined ? charged : computeCharge(price, outcome, facts).amount;
}

function bookedEnd(pool: PoolRef, { seq, ...booked }: BookedCharge): HoldEnd {
  const chargeId = renderChargeId({ ...pool, seq });
  return { kind: "charged", creditType: pool.creditType, chargeId, ...booked };
}

function chargedEnd(pool: PoolRef, result: ChargeResult, units: number): HoldEnd {
  if (result.kind === "superseded") return { kind: "superseded", response: undefined };
  const { charged, uncollected, balance, seq } = result;
  const chargeId = seq === null ? undefined : renderChargeId({ ...pool, seq });
  const { creditType } = pool;
  return { kind: "charged", creditType, charged, uncollected, balance, units, chargeId, refunded: 0n };
}
