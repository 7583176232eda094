import type { Credits } from "../domain/credits.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { computeCharge } from "../domain/prices/compute-charge.ts";
import { readOnceValue } from "../domain/prices/once-value.ts";
import type { Price } from "../domain/prices/price.ts";
import type { ChargeItem, PoolRef } from "../ledger/ledger.ts";
import type { Meter } from "../meter/meter.ts";
import type { HoldOutcome } from "./hold.ts";
import type { HoldClaims } from "./hold-token.ts";

/** Of a hold that costs something. */
export type PricedClaims = HoldClaims & { readonly price: Price };

export function isPriced(claims: HoldClaims): claims is PricedClaims {
  return claims.price !== undefined;
}

export function poolOf({
  accountId,
  shard,
  price,
}: Pick<PricedClaims, "accountId" | "shard" | "price">): PoolRef {
  return { accountId, shard, creditType: price.creditType };
}

/** What an outcome costs whose status is charged. */
export function costOf(
  { price, facts }: PricedClaims,
  outcome: HoldOutcome,
): Pick<ChargeItem, "amount" | "units" | "measured"> {
  const { cost, units = 1 } = outcome;
  return cost === undefined ? computeCharge(price, outcome, facts) : { amount: cost, units };
}

export function onceOf(price: Price, facts: PricedClaims["facts"]): ChargeItem["once"] {
  const value = readOnceValue(price, facts);
  const { once } = price;
  return once === undefined || value === undefined ? undefined : { value, withinSeconds: once.withinSeconds };
}

export function tooLate(requestId: string): FareboxError {
  return new FareboxError(
    "hold_expired",
    "The hold is over for so long that nothing is known of it any more.",
    { detail: { requestId } },
  );
}

/** Counts what nothing covered of a charge. */
export function tellUncollected(
  { tell }: Pick<Meter, "tell">,
  { requestId, accountId, endpoint, price }: PricedClaims,
  { uncollected: amount }: { readonly uncollected: Credits },
): void {
  if (amount === 0n) return;
  tell.uncollected({ requestId, accountId, endpoint, creditType: price.creditType, amount });
}
