import type { Measured } from "../../domain/prices/tiers.ts";
import type { Numbers } from "../instance/numbers.ts";

/** As `farebox.measure_charge` reads it. Millionths are texts: they may be more than a number can be exactly. */
export function renderMeasured(
  { units, block, round, costs, whole, counter, increase, rest, least, most }: Measured,
  numbers: Pick<Numbers, "endpointOf">,
): Readonly<Record<string, unknown>> {
  return {
    units: String(units),
    block: String(block),
    round,
    costs: costs.map(([over, cost]) => [String(over), cost]),
    whole,
    ...(counter && { counter: [numbers.endpointOf(counter.name), counter.within] }),
    ...(increase && { increase: [increase.value, increase.withinSeconds] }),
    rest,
    ...(least !== undefined && { least }),
    ...(most !== undefined && { most }),
  };
}
