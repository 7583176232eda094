import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { formatCredits } from "../domain/credits.ts";
import type { HoldEvents } from "../holds/hold-events.ts";
import type { SidecarEvents } from "../sidecar/sidecar-events.ts";
import type { Logger } from "./logger.ts";
import type { CountRefusal } from "./refusal-telemetry.ts";

/** A call that waits for nothing takes a tenth of a millisecond, one that waits for a batch about one. */
const SECONDS_BUCKETS = [0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1, 10];

/** Counts what the sidecar and its holds tell. `open`: holds that are open at this moment. */
export function createSidecarTelemetry(
  registry: Registry,
  logger: Logger,
  open: () => number,
  refused: CountRefusal,
): { readonly sidecar: SidecarEvents; readonly holds: HoldEvents } {
  const registers = [registry];
  void new Gauge({
    name: "farebox_sidecar_open_holds",
    help: "Holds of the sidecar that are neither settled nor released nor expired.",
    registers,
    collect() {
      this.set(open());
    },
  });
  const calls = new Histogram({
    name: "farebox_sidecar_call_seconds",
    help: "From a call at the sidecar to its answer.",
    buckets: SECONDS_BUCKETS,
    labelNames: ["operation", "status"],
    registers,
  });
  const expired = new Counter({
    name: "farebox_sidecar_expired_holds_total",
    help: "Holds that nobody settled or released in time.",
    registers,
  });
  const elsewhere = new Counter({
    name: "farebox_sidecar_settled_elsewhere_total",
    help: "Holds that were settled here after the instance that made them had died.",
    labelNames: ["found"],
    registers,
  });
  return {
    sidecar: {
      answered: (operation, status, ms) => calls.observe({ operation, status }, ms / 1000),
      failed: (error) => logger.error({ err: error }, "a call at the sidecar failed"),
    },
    holds: {
      refused,
      expired: ({ requestId, accountId, endpoint, amount }) => {
        expired.inc();
        const subject = { requestId, account: accountId, endpoint, amount: formatCredits(amount) };
        logger.warn(subject, "a hold was neither settled nor released in time");
      },
      settledElsewhere: ({ requestId, accountId, endpoint, booked }) => {
        elsewhere.inc({ found: booked ? "charged" : "open" });
        logger.info(
          { requestId, account: accountId, endpoint, booked },
          "settled a hold of an instance that died",
        );
      },
    },
  };
}
