import fc from "fast-check";
import { canMeet, FAULTS, type Fault } from "./faults.ts";
import type { Site } from "./site.ts";

/** More rounds than the longest soak has time for. */
const MOST_ROUNDS = 10_000;
/** So many more requests are acknowledged between two strikes: the service is back. */
const BETWEEN = 60;

/** One or two faults at once, each with what it picks. */
type Strike = readonly { readonly fault: Fault; readonly pick: number }[];

/**
 * Strikes until the time is over, and at least once with every fault. Each round has them all, in another order and in other
 * pairs; the seed decides both. Tells how often each came about.
 */
export async function haunt(
  site: Site,
  {
    seed,
    seconds,
    say,
  }: { readonly seed: number; readonly seconds: number; readonly say: (line: string) => void },
): Promise<ReadonlyMap<string, number>> {
  const struck = new Map<string, number>(FAULTS.map(({ name }) => [name, 0]));
  const endAt = performance.now() + seconds * 1000;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const strike of planRound(seed + round)) {
      say(strike.map(({ fault }) => fault.name).join(", and "));
      await Promise.all(strike.map(({ fault, pick }) => fault.strike(site, pick)));
      for (const { fault } of strike) struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1);
      await site.load.flows(BETWEEN, 0);
      const isEnough = [...struck.values()].every((times) => times > 0);
      if (isEnough && performance.now() > endAt) return struck;
    }
  }
  return struck;
}

/** Every fault once, in pairs of such as can be at work at once. The same seed gives the same. */
export function planRound(seed: number): readonly Strike[] {
  const order = fc.shuffledSubarray([...FAULTS], { minLength: FAULTS.length });
  const picks = fc.array(fc.nat(), { minLength: FAULTS.length, maxLength: FAULTS.length });
  const [drawn] = fc.sample(fc.tuple(order, picks), { seed, numRuns: 1 });
  const left = (drawn?.[0] ?? []).map((fault, index) => ({ fault, pick: drawn?.[1][index] ?? 0 }));
  const strikes: Strike[] = [];
  for (let first = left.shift(); first !== undefined; first = left.shift()) {
    const { fault } = first;
    const other = left.findIndex((one) => canMeet(fault, one.fault));
    strikes.push([first, ...(other === -1 ? [] : left.splice(other, 1))]);
  }
  return strikes;
}
