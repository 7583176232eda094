export interface Completed {
  readonly calls: number;
  readonly perSecond: number;
}

/** Runs `work` with a fixed number of calls outstanding for a time. */
export async function closedLoop(
  outstanding: number,
  seconds: number,
  work: (n: number) => Promise<unknown>,
): Promise<Completed> {
  let next = 0;
  let done = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      await work(next++);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  return { calls: done, perSecond: (done / (performance.now() - start)) * 1000 };
}
