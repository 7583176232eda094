import { formatSummary } from "./measure.ts";

/** In microseconds of CPU time a call, by the name of the process. */
export type CpuPerCall = Readonly<Record<string, number>>;

/** One round of a contender. */
export interface Sample {
  readonly perSecond: number;
  readonly cpu: CpuPerCall;
}

export type Samples = Readonly<Record<string, readonly Sample[]>>;

/** `used`: microseconds by process, for all calls. */
export function perCall(used: Readonly<Record<string, number>>, calls: number): CpuPerCall {
  return Object.fromEntries(
    Object.entries(used).map(([process, microseconds]) => [process, microseconds / calls] as const),
  );
}

/** A contender's calls a second, round by round. */
export function ratesOf(samples: Samples, contender: string): number[] {
  return (samples[contender] ?? []).map(({ perSecond }) => perSecond);
}

/** What a contender's call costs one process, round by round. */
export function cpuOf(samples: Samples, contender: string, process: string): number[] {
  return (samples[contender] ?? []).map(({ cpu }) => cpu[process] ?? Number.NaN);
}

/** Prints what a call of each contender costs each process. */
export function printCpu(samples: Samples, call: string, print: (line: string) => void): void {
  for (const [contender, rounds] of Object.entries(samples)) {
    const processes = Object.keys(rounds[0]?.cpu ?? {}).map(
      (process) => `${process} ${formatSummary(cpuOf(samples, contender, process))}`,
    );
    print(`  CPU per ${call} in µs, ${contender}: ${processes.join(", ")}`);
  }
}
