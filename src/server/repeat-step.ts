import { isDatabaseAway } from "../ledger/database/storage-error.ts";
import type { Logger } from "../telemetry/logger.ts";

/** How often an idle one looks for work, usually; half to one and a half of it, so that instances take turns. */
const PAUSE_MS = 2_000;

/** After a step it rests for as long as the step took, at most this: requests need the database too. */
const LONGEST_REST_MS = 200;

export interface RepeatedStep {
  /** There is something to do: the next step begins at once, or when the one under way has ended. */
  wake(): void;
  /** Resolves when the step under way, if any, has ended. What is left is done by others, or at the next start. */
  stop(): Promise<void>;
}

export interface RepeatOptions {
  /** Resolves with whether it found something to do. One that fails is logged and tried again. */
  readonly step: () => Promise<boolean>;
  /** What the log says when a step fails. */
  readonly failure: string;
  readonly logger: Logger;
  /** How often an idle one looks for work; 2,000 by default. */
  readonly pauseMs?: number;
}

/** Carries out in the background what any number of instances share, step by step, until it is stopped. */
export function repeatStep({ step, failure, logger, pauseMs = PAUSE_MS }: RepeatOptions): RepeatedStep {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isWanted = false;
  let isStopped = false;
  const run = async (): Promise<void> => {
    isWanted = false;
    const began = performance.now();
    let isBusy = false;
    try {
      isBusy = await step();
    } catch (error) {
      // That the database is away is said once, by the heartbeats.
      if (!isDatabaseAway(error)) logger.warn({ err: error }, failure);
    }
    running = undefined;
    schedule(isBusy || isWanted ? Math.min(performance.now() - began, LONGEST_REST_MS) : idlePause(pauseMs));
  };
  const schedule = (restMs: number): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      running = run();
    }, restMs);
    timer.unref();
  };
  schedule(idlePause(pauseMs));
  return {
    wake: () => {
      isWanted = true;
      if (running !== undefined || isStopped) return;
      clearTimeout(timer);
      schedule(0);
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function idlePause(pauseMs: number): number {
  return pauseMs * (0.5 + Math.random());
}
