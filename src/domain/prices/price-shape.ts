import type { Count, Price, PricePart } from "./price.ts";

/** A price's own sum and all that it may add. */
export function partsOf(price: PricePart & Pick<Price, "plus">): readonly PricePart[] {
  return price.plus === undefined ? [price] : [price, ...price.plus];
}

/** One cost, per request or per whole result, and nothing else that decides about the amount: nearly all prices. */
export function isPlain(price: Price): boolean {
  return (
    price.plus === undefined &&
    price.tiers === undefined &&
    price.least === undefined &&
    price.most === undefined &&
    price.where === undefined &&
    price.unit === undefined &&
    price.round === undefined &&
    price.included === undefined &&
    (price.count === undefined || (isPlainCount(price.count) && !isIncrease(price.count)))
  );
}

/** Only what a number has grown by is charged. */
export function isIncrease(count: Count | undefined): boolean {
  return count !== undefined && "increase" in count && count.increase !== undefined;
}

/** A number or a list's length at one place of the answer. */
function isPlainCount(count: Count): boolean {
  if ("body" in count) return count.where === undefined && count.decimal === undefined;
  return "header" in count && count.decimal === undefined;
}

/** Whether the answer must be read for more than one number. */
export function needsAnswerFacts(price: Price): boolean {
  return (
    price.where !== undefined ||
    (price.count !== undefined && !isPlainCount(price.count) && !("request" in price.count)) ||
    price.plus?.some(readsAnswer) === true
  );
}

/** Whether a sum depends on the answer. */
function readsAnswer({ where, count }: PricePart): boolean {
  return where !== undefined || (count !== undefined && !("request" in count));
}

/** Whether anything of the answer but its status decides about the amount: then it must be whole. */
export function countsAnswer(price: Price): boolean {
  return partsOf(price).some(readsAnswer);
}

/** Whether the body of the answer is looked into. */
export function readsAnswerBody(price: PricePart & Pick<Price, "plus">): boolean {
  return partsOf(price).some(
    ({ where, count }) =>
      where?.some((condition) => "body" in condition) === true ||
      (count !== undefined && ("body" in count || "bytes" in count)),
  );
}
