import type { z } from "zod";
import type { simulationBody } from "../../../api/wire/simulation.ts";
import { type Credits, creditsToJson, MICRO_PER_CREDIT } from "../../../domain/credits.ts";
import { SimulationSums } from "../../../domain/prices/price-simulation.ts";

type Part = z.infer<typeof simulationBody>;

/** A simulation in one piece, as the operator API would answer it if it were small. */
export type WholeSimulation = Omit<Part, "next">;

/** Puts the parts of a simulation together. */
export class SimulationParts {
  readonly #sums = new SimulationSums();
  readonly #unrecorded = new Map<string, Part["unrecorded"][number]>();
  #last: Part | undefined;
  /** How many charges were priced so far. */
  charges = 0;

  add(part: Part): void {
    this.#last = part;
    for (const line of part.lines) this.#sums.addLine({ ...line, ...boundsOf(line) });
    for (const total of part.totals) {
      this.charges += total.charges;
      const uncollected = toCredits(total.uncollected);
      const refundedInPart = toCredits(total.refundedInPart);
      const leftOutCredits = toCredits(total.leftOutCredits);
      this.#sums.addTotal({ ...total, ...boundsOf(total), uncollected, refundedInPart, leftOutCredits });
    }
    for (const doubt of part.doubts) this.#sums.addDoubt(doubt);
    for (const calls of part.unrecorded) this.#unrecorded.set(`${calls.reason} ${calls.endpoint}`, calls);
  }

  whole(): WholeSimulation {
    const { from = "", to = "", assumptions = [] } = this.#last ?? {};
    const { lines, totals, doubts } = this.#sums.result();
    return {
      from,
      to,
      totals: totals.map((total) =>
        Object.assign({}, total, boundsToJson(total), {
          uncollected: creditsToJson(total.uncollected),
          refundedInPart: creditsToJson(total.refundedInPart),
          leftOutCredits: creditsToJson(total.leftOutCredits),
        }),
      ),
      lines: lines.map((line) => Object.assign({}, line, boundsToJson(line))),
      doubts: [...doubts],
      unrecorded: [...this.#unrecorded.values()],
      assumptions,
    };
  }
}

interface Bounds<Amount> {
  readonly before: Amount;
  readonly least: Amount;
  readonly most: Amount;
}

function boundsOf({ before, least, most }: Bounds<number>): Bounds<Credits> {
  return { before: toCredits(before), least: toCredits(least), most: toCredits(most) };
}

function boundsToJson({ before, least, most }: Bounds<Credits>): Bounds<number> {
  return { before: creditsToJson(before), least: creditsToJson(least), most: creditsToJson(most) };
}

/** Sums may be above what one price or pool can be, so that they are not read as amounts are. */
function toCredits(amount: number): Credits {
  return BigInt(Math.round(amount * Number(MICRO_PER_CREDIT)));
}
