import type { PlanConfig } from "../config/config.ts";
import type { Credits } from "../domain/credits.ts";
import type { CapWindow } from "../domain/key-cap.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { DescribedCall } from "./described-call.ts";

/** The cap that leaves a key the least of a credit type. */
export interface TriedCap {
  readonly window: CapWindow;
  readonly cap: Credits;
  readonly left: Credits;
}

/** Of windows that leave the same, the longest is told. */
const WINDOWS: readonly CapWindow[] = ["total", "month", "day"];

/** The key's own caps, or else those of its account's plan; undefined: it has none. */
export function findCap(
  plans: readonly Pick<PlanConfig, "name" | "caps">[],
  { plan, caps: own, spent }: Pick<DescribedCall, "plan" | "caps" | "spent">,
  creditType: string,
): TriedCap | undefined {
  const ofPlan = plans.find(({ name }) => name === plan)?.caps.find((caps) => caps.creditType === creditType);
  const caps = own ?? ofPlan;
  if (caps === undefined) return undefined;
  const [tightest] = WINDOWS.flatMap((window): readonly TriedCap[] => {
    const cap = caps[window];
    return cap === null ? [] : [{ window, cap, left: cap > spent ? cap - spent : 0n }];
  }).toSorted((one, other) => (one.left < other.left ? -1 : one.left > other.left ? 1 : 0));
  return tightest;
}

/** The refusal of a call for which this cap is too little. */
export function refuseByCap(
  { window, cap, left }: TriedCap,
  creditType: string,
  required: Credits,
  nowMs: number,
): Refusal {
  const resetSeconds = window === "total" ? null : Math.ceil((endOf(window, nowMs) - nowMs) / 1000);
  return { code: "key_cap_reached", creditType, window, cap, required, available: left, resetSeconds };
}

/** When the present day or month of UTC ends. */
function endOf(window: "day" | "month", nowMs: number): number {
  const now = new Date(nowMs);
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  return window === "day" ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1);
}
