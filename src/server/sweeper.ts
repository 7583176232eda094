import type { Database } from "../ledger/database/database.ts";
import { Turns } from "../ledger/database/turns.ts";
import { sweepPlans } from "../ledger/plans/sweep-plans.ts";
import type { ExpiredHold } from "../ledger/sweep/long-hold-steps.ts";
import { createSteps, type SweepOptions } from "../ledger/sweep/sweep.ts";
import { type RoundEnd, SweepRounds } from "../ledger/sweep/sweep-rounds.ts";
import type { SweepStep } from "../ledger/sweep/sweep-step.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { SweeperEvents } from "../telemetry/sweep-telemetry.ts";
import type { PlanWatch } from "./plan-watch.ts";

/**
 * Pause between rounds; half to one and a half of it, so that instances take turns. The leases of a dead instance come back at
 * most so much later than it is declared dead. Idle: no instance has used a pool lately and nothing is due, so nobody waits.
 */
const PAUSE_MS: Readonly<Record<RoundEnd, number>> = { more: 100, calm: 2_000, idle: 5_000 };

/** Another process that publishes other plans is noticed within so long. */
const PLAN_WATCH_MS = 10_000;

export interface Sweeper {
  /** Resolves when the round under way, if any, has ended. */
  stop(): Promise<void>;
}

/** Sweeps again and again until it is stopped. What fails is told and tried again: nothing depends on any single round. */
export function startSweeper(
  database: Database,
  options: SweepOptions,
  planWatch: PlanWatch,
  events: SweeperEvents,
  logger: Logger,
): Sweeper {
  const onDead = (instances: number): void =>
    logger.warn({ instances }, "silent instances were declared dead: their leases go back");
  const onExpired = (hold: ExpiredHold): void => events.holdExpired(hold);
  const hearers = { onDead, onExpired };
  const steps = [...createSteps(database, options, hearers), ...createPlanSteps(database, planWatch)];
  const rounds = new SweepRounds(database, options, steps, events);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = (end: RoundEnd): void => {
    if (stopped) return;
    timer = setTimeout(
      () => {
        running = rounds.run().then(schedule);
      },
      PAUSE_MS[end] * (0.5 + Math.random()),
    );
    timer.unref();
  };
  schedule("more");
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function createPlanSteps(database: Database, planWatch: PlanWatch): readonly SweepStep[] {
  const turns = new Turns();
  return [
    {
      name: "plans",
      everyMs: 0,
      run: async () => {
        const {
          accounts,
          failed,
          reason,
          isMore = false,
          isPart = false,
        } = await sweepPlans(database, turns);
        if (failed === 0) return { done: accounts, isMore, isPart };
        const passed = new Error(`${failed} accounts could not follow their plans: run an audit (${reason})`);
        return { done: accounts, isMore, passed };
      },
    },
    {
      name: "plan watch",
      everyMs: PLAN_WATCH_MS,
      run: async () => {
        await planWatch.check(database);
        return { done: 0 };
      },
    },
  ];
}
