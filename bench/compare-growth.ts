import type { PoolRef } from "../src/ledger/ledger.ts";
import { formatRatio, formatSummary, percentile, ratios } from "./measure.ts";

const ROUNDS = 3;

/** What may cost more the more entries a pool has, by name. */
export type Subjects = Readonly<Record<string, (pool: PoolRef) => Promise<unknown>>>;

/** A pool of 10^4 entries and one of 10^6. */
export interface Sizes {
  readonly small: PoolRef;
  readonly large: PoolRef;
}

/** Prints what each subject costs at both sizes, in turn, as medians of so many calls. */
export async function compareGrowth(
  subjects: Subjects,
  pools: Sizes,
  calls: number,
  print: (line: string) => void,
): Promise<void> {
  for (const [name, call] of Object.entries(subjects)) {
    const small: number[] = [];
    const large: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      small.push(await medianMs(calls, () => call(pools.small)));
      large.push(await medianMs(calls, () => call(pools.large)));
    }
    print(
      `  ${name}: ${formatSummary(small)} ms at 10^4, ${formatSummary(large)} ms at 10^6: ${formatRatio(ratios(large, small))}`,
    );
  }
}

/** The median of calls made one after the other. */
async function medianMs(calls: number, call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < calls; n++) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return percentile(
    times.toSorted((a, b) => a - b),
    0.5,
  );
}
