import { Counter, Histogram, type Registry } from "prom-client";
import { type Credits, formatCredits } from "../domain/credits.ts";
import type { EventSubject, MeterEvents } from "../meter/meter-events.ts";
import { createDatabaseTelemetry, type DatabaseTelemetry } from "./database-telemetry.ts";
import type { Logger } from "./logger.ts";

/** Waits for a lease: a cached one costs nothing, one batch some milliseconds, a recall up to 400. */
const WAIT_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Counts what the meter tells, and logs what an operator should look into. Credits in metrics are whole credits. */
export function createMeterTelemetry(
  registry: Registry,
  logger: Logger,
  database: DatabaseTelemetry = createDatabaseTelemetry(registry, logger),
): MeterEvents {
  const counters = createCounters(registry);
  const waits = createWaits(registry);
  return {
    leaseWaited: (ms) => waits.observe(ms / 1000),
    countMissing: ({ problem, charged, ...subject }) => {
      counters.countsMissing.inc({ endpoint: subject.endpoint });
      logger.warn(
        { ...describe(subject), problem, charged: formatCredits(charged) },
        "results could not be counted: floor charged",
      );
    },
    uncollected: ({ creditType, amount, ...subject }) => {
      counters.uncollected.inc({ credit_type: creditType }, wholeCredits(amount));
      logger.warn(
        { ...describe(subject), creditType, amount: formatCredits(amount) },
        "part of a charge was covered by neither lease nor pool",
      );
    },
    chargeUnknown: (subject) => {
      counters.chargesUnknown.inc();
      logger.warn(
        describe(subject),
        "a charge was not known to be durable in time: the request was answered as failed",
      );
    },
    chargeReversed: ({ amount, ...subject }) => {
      counters.chargesReversed.inc();
      logger.info(
        { ...describe(subject), amount: formatCredits(amount) },
        "a charge whose request was answered as failed was refunded",
      );
    },
    heartbeatFailed: (error) => {
      counters.heartbeatsFailed.inc();
      if (!database.covers(error)) logger.warn({ err: error }, "a heartbeat failed");
    },
    databaseAway: (error) => database.away(error),
    databaseBack: (awayMs) => database.back(awayMs),
    shardsAway: (count) => database.shardsAway(count),
    shardsBack: (awayMs) => database.shardsBack(awayMs),
    fenced: () => {
      counters.fenced.inc();
      logger.warn("this instance was declared dead by the others and registered again");
    },
    taskFailed: (task, error, again) => {
      counters.tasksFailed.inc({ task });
      if (!again || !database.covers(error))
        logger.warn({ err: error, task, again }, "work after an answer failed");
    },
  };
}

function createWaits(registry: Registry): Histogram {
  return new Histogram({
    name: "farebox_lease_wait_seconds",
    help: "How long requests waited for credits to be leased.",
    buckets: WAIT_BUCKETS_SECONDS,
    registers: [registry],
  });
}

function createCounters(registry: Registry) {
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: `farebox_${name}_total`, help, labelNames, registers: [registry] });
  return {
    countsMissing: counter("counts_missing", "Charges whose results could not be counted.", ["endpoint"]),
    uncollected: counter("uncollected_credits", "Credits that a charge could not collect.", ["credit_type"]),
    chargesUnknown: counter("charges_unknown", "Charges that were not known to be durable in time."),
    chargesReversed: counter("charges_reversed", "Such charges that turned out committed and were refunded."),
    heartbeatsFailed: counter("heartbeats_failed", "Heartbeats that the database did not answer."),
    fenced: counter("fenced", "Times this instance was declared dead and registered again."),
    tasksFailed: counter("tasks_failed", "Failures of work after an answer.", ["task"]),
  };
}

function describe(subject: EventSubject): Record<string, string> {
  return { requestId: subject.requestId, account: subject.accountId, endpoint: subject.endpoint };
}

/** Metrics are floating-point by format; the ledger has the exact amount. */
function wholeCredits(amount: Credits): number {
  return Number(formatCredits(amount));
}
