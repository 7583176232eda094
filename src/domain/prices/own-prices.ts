import type { AccountPricing, Price, PriceList } from "./price.ts";

/** Whether a price is for accounts on this plan; undefined: for those without one. */
function isForPlan({ plans }: Pick<Price, "plans">, plan: string | undefined): boolean {
  return plans === undefined || (plan !== undefined && plans.includes(plan));
}

/** The prices of a list that an account has, in order. They no longer say for whom they are. */
function pricesFor(prices: readonly Price[], { plan }: AccountPricing): readonly Price[] {
  return prices
    .filter((price) => isForPlan(price, plan))
    .map((price) => (price.plans === undefined ? price : withoutPlans(price)));
}

function withoutPlans({ plans: _plans, ...price }: Price): Price {
  return price;
}

/** A list as an account has it: what is in force for it, whichever price list it comes from. */
export function listFor(list: PriceList, pricing: AccountPricing): PriceList {
  return { ...list, prices: pricesFor(list.prices, pricing) };
}

/** The plans that prices name. */
export function plansOf(prices: readonly Price[]): ReadonlySet<string> {
  return new Set(prices.flatMap(({ plans }) => plans ?? []));
}
