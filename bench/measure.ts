/** Medians and spread of repeated measurements, and the alternation that makes two of them comparable. */

export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

export function summarise(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: percentile(sorted, 0.5),
    low: sorted[0] ?? Number.NaN,
    high: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

/** The value below which the share `p` of an ascending list lies. */
export function percentile(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = p * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/**
 * Runs every contender once per round, in turn (A B C A B C …), so that a machine that slows down slows all of them.
 * Returns each contender's samples by name.
 */
export async function alternate<Sample>(
  rounds: number,
  contenders: Readonly<Record<string, () => Promise<Sample>>>,
  progress: (round: string, name: string, sample: Sample) => void = () => undefined,
): Promise<Record<string, Sample[]>> {
  const samples: Record<string, Sample[]> = {};
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const sample = await run();
      (samples[name] ??= []).push(sample);
      progress(`round ${round}/${rounds}`, name, sample);
    }
  }
  return samples;
}

/** Ratios are taken round by round: the two runs of a round stood next to one another in time. */
export function ratios(above: readonly number[] = [], below: readonly number[] = []): Summary {
  return summarise(above.map((value, round) => value / (below[round] ?? Number.NaN)));
}

export function formatRatio(ratio: Summary): string {
  return `${ratio.median.toFixed(2)}x (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}, ${ratio.runs} rounds)`;
}

export function formatSummary(samples: readonly number[] = []): string {
  const { median, low, high } = summarise(samples);
  const digits = median < 10 ? 2 : 0;
  return `${format(median, digits)} (${format(low, digits)} to ${format(high, digits)})`;
}

function format(value: number, digits: number): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
