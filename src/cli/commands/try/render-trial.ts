import { STATUS_CODES } from "node:http";
import { formatCredits } from "../../../domain/credits.ts";
import { formatDuration } from "../../../domain/duration.ts";
import type { ExplainedPrice } from "../../../domain/prices/explain/explain-price.ts";
import type { Price } from "../../../domain/prices/price.ts";
import { describeAmount, describePrice } from "../../../domain/prices/price-text.ts";
import type { DescribedCall } from "../../../trial/described-call.ts";
import type { SeenAnswer, Trial, TriedQuote } from "../../../trial/trial.ts";
import { renderCharge } from "./render-charge.ts";
import { renderCondition, section } from "./render-parts.ts";

/** What was tried, for the text. */
interface Tried {
  readonly file: string;
  readonly call: DescribedCall;
}

/** A trial for people: a part for each step, in the order of the way of a request. */
export function renderTrial(trial: Trial, { file, call }: Tried): string {
  const { price, quote, charge, refusal, seen, withoutCredits } = trial;
  const parts = [
    `${trial.method} ${trial.path} with ${file}`,
    renderPrices(trial),
    renderLimits(trial),
    price === undefined || quote === undefined ? "" : renderQuote(price, quote, trial.cap, call),
    refusal?.at === "request" ? renderRefusal("Refused before the upstream is asked", refusal.answer) : "",
    price === undefined || charge === undefined ? "" : renderCharge(price, charge, call),
    refusal?.at === "answer" ? renderRefusal("Refused in the place of the answer", refusal.answer) : "",
    seen === undefined ? "" : renderSeen(seen),
    withoutCredits === undefined || refusal !== undefined
      ? ""
      : renderRefusal("What a customer without credits gets", withoutCredits),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const WITHOUT_PRICES: Readonly<Partial<Record<Trial["kind"], string>>> = {
  contract: "The contract answers it itself: it needs a key, is free, and never reaches the upstream.",
  customerApi: "The customer API answers it: it needs a key, is free, and never reaches the upstream.",
  open: "It needs no key, and is never priced (`open`).",
  refused: "It is refused before a price is looked for.",
  unpriced: "No price applies: `unpriced` says what becomes of it.",
};

function renderPrices(trial: Trial): string {
  const { kind, endpoint, prices, ofOtherPlans, ownPrices, refusal } = trial;
  if (trial.isForbidden) return "The key's scopes do not have it.";
  const heading = endpoint === undefined ? "No match is its." : `Endpoint: ${endpoint}`;
  const unpriced = kind === "unpriced" && refusal === undefined ? " It is free." : "";
  return [
    ...(kind === "open" ? [] : [heading]),
    ...prices.map((one, index) => renderPrice(one, index + 1, ownPrices.has(one.price))),
    ...ofOtherPlans.map((price) => `  –  for ${price.plans?.join(", ") ?? ""} only: ${describePrice(price)}`),
    ...(WITHOUT_PRICES[kind] === undefined ? [] : [`${WITHOUT_PRICES[kind]}${unpriced}`]),
  ].join("\n");
}

const OUTCOMES: Readonly<Record<ExplainedPrice["outcome"], string>> = {
  applies: "applies",
  fails: "does not apply",
  may: "may apply, and is not the dearest that may",
  later: "not tried: one before it applies",
};

function renderPrice({ price, outcome, conditions }: ExplainedPrice, place: number, isOwn: boolean): string {
  const shown = outcome === "later" ? [] : conditions;
  const whose = isOwn ? " (the account's own)" : "";
  return [
    `  ${place}. ${OUTCOMES[outcome]}${whose}: ${describePrice(price)}`,
    ...shown.map((condition) => `       ${renderCondition(condition)}`),
  ].join("\n");
}

function renderLimits({ limits, charge, isForbidden }: Trial): string {
  if (limits.length === 0 || isForbidden) return "";
  const lines = limits.map(({ match, requests, windowSeconds, by, counts }) => {
    const what = counts === "results" ? "results" : "requests";
    const counted = counts === "results" ? `; it is ${Math.max(1, charge?.units ?? 1)} of them` : "";
    return `at most ${requests} ${what} in ${formatDuration(windowSeconds)} of one ${by}, with all that is ${match}${counted}`;
  });
  return section("Limits that count it", lines);
}

const CAP_WINDOWS = { day: "a day", month: "a month", total: "in all" } as const;

function renderQuote(price: Price, quote: TriedQuote, cap: Trial["cap"], call: DescribedCall): string {
  const { creditType } = price;
  const { known, heldAside, inTier, repeatsBy } = quote;
  const lines = [
    known === "unbounded"
      ? "there is no bound of what it can cost"
      : `the most that it can cost: ${describeAmount(known.amount, creditType)}${price.per === "result" ? `, for ${known.units}` : ""}`,
    ...(inTier === undefined
      ? []
      : [`in the tier where the account is: at most ${describeAmount(inTier, creditType)}`]),
    price.decide === "answer"
      ? "nothing is set aside: it is decided on the answer"
      : `set aside of ${formatCredits(call.balance)}: ${describeAmount(heldAside, creditType)}`,
    ...(cap === undefined
      ? []
      : [
          `the key may spend ${describeAmount(cap.cap, creditType)} ${CAP_WINDOWS[cap.window]}: ${formatCredits(cap.left)} left`,
        ]),
    ...(repeatsBy === undefined
      ? []
      : [`free if it repeats ${repeatsBy} within ${price.once?.withinSeconds} s`]),
  ];
  return section("Before the upstream is asked", lines);
}

function renderSeen({ headers, usage }: SeenAnswer): string {
  const lines = [
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(usage ?? {}).map(
      ([member, value]) => `in the body: ${JSON.stringify(member)}: ${JSON.stringify(value)}`,
    ),
  ];
  return section("What the contract adds to the answer", lines.length === 0 ? ["nothing"] : lines);
}

type RenderedRefusal = NonNullable<Trial["withoutCredits"]>;

function renderRefusal(title: string, { status, headers, body }: RenderedRefusal): string {
  return section(title, [
    `${status} ${STATUS_CODES[status] ?? ""}`.trimEnd(),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === "" ? [] : [body]),
  ]);
}
