import type { ComputedSum } from "../../../domain/prices/compute-sums.ts";
import type { CountProblem } from "../../../domain/prices/outcome.ts";
import type { Price } from "../../../domain/prices/price.ts";
import { isIncrease } from "../../../domain/prices/price-shape.ts";
import { describeAmount, describePart, describeTiers } from "../../../domain/prices/price-text.ts";
import type { DescribedCall } from "../../../trial/described-call.ts";
import type { TriedCharge } from "../../../trial/trial.ts";
import { renderCondition, section } from "./render-parts.ts";

const PROBLEMS: Readonly<Record<NonNullable<CountProblem>, string>> = {
  missing: "there is no count in the answer",
  not_a_whole_number: "the count is no whole number",
  too_large: "the count is larger than any that is charged for",
};

/** How the charge came. */
export function renderCharge(
  price: Price,
  charge: TriedCharge,
  { response: { status }, used, charged }: DescribedCall,
): string {
  const { creditType } = price;
  const { isChargedStatus, conditions, sums, amount, uncollected, countProblem } = charge;
  const lines = [
    isChargedStatus ? `status ${status} is charged` : `status ${status} is not charged`,
    ...conditions.map(renderCondition),
    ...sums.map((sum) => renderSum(sum, creditType)),
    ...(countProblem === undefined
      ? []
      : [
          `${PROBLEMS[countProblem]}: what the price says of that is charged (\`uncounted\`), with a warning`,
        ]),
    ...renderLimits(price, charge),
    ...renderTiers(price, charge, used),
    ...(isIncrease(price.count) ? [`${charged} of the number was charged before it`] : []),
    ...(charge.isRepeat ? ["it repeats what was charged within the window: nothing is charged"] : []),
    `charge: ${describeAmount(amount, creditType)}`,
    ...(uncollected === 0n
      ? []
      : [`${describeAmount(uncollected, creditType)} of it is uncollected: more than may be taken`]),
  ];
  return section(`The answer: ${status}`, lines);
}

/** The tiers, and what of the call falls into which. */
function renderTiers(price: Price, { tiers }: TriedCharge, used: number): string[] {
  if (price.tiers === undefined) return [];
  const parts = tiers.map(({ over, cost, units }) => {
    const tier = over === 0 ? "in the first tier" : `over ${over}`;
    return `${units} ${tier} at ${describeAmount(cost, price.creditType)}`;
  });
  const before = `${used === 0 ? "nothing" : used} was used before it in the ${price.tiers.within}`;
  return [`${describeTiers(price).join("")}: ${[before, ...parts].join(", ")}`];
}

function renderSum({ part, when, where, units, amount }: ComputedSum, creditType: string): string {
  const text = describePart(part, creditType);
  if (when === false) return `${text}: not added, the request has not its conditions`;
  if (where === false) return `${text}: not added, the answer has not its conditions`;
  const counted = part.per === "result" ? `${units} counted, ` : "";
  return `${text}: ${counted}${describeAmount(amount, creditType)}`;
}

function renderLimits({ least, most, creditType }: Price, { sums, amount }: TriedCharge): string[] {
  const total = sums.reduce((sum, one) => sum + one.amount, 0n);
  if (sums.length === 0 || total === amount || sums[0]?.where === false) return [];
  if (least !== undefined && amount === least && total < least)
    return [`at least ${describeAmount(least, creditType)}`];
  return most !== undefined && amount === most ? [`at most ${describeAmount(most, creditType)}`] : [];
}
