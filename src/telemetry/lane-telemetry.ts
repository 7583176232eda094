import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { LaneEvents } from "../ledger/batch/lane-events.ts";

/** One item to the most that a batch takes. */
const ITEM_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000];

/** A batch alone takes about half a millisecond; a locked pool is waited for 50. */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 5];

/** Counts what the ledger's lanes tell. `queueLength`: items that wait at this moment. */
export function createLaneTelemetry(registry: Registry, queueLength: () => number): LaneEvents {
  const registers = [registry];
  const labelNames = ["kind"] as const;
  void new Gauge({
    name: "farebox_lane_queue_items",
    help: "Charges, leases, holds and releases that wait for a batch.",
    registers,
    collect() {
      this.set(queueLength());
    },
  });
  const items = new Histogram({
    name: "farebox_batch_items",
    help: "Items in a batch.",
    buckets: ITEM_BUCKETS,
    labelNames,
    registers,
  });
  const seconds = new Histogram({
    name: "farebox_batch_seconds",
    help: "From a batch's sending to its answer.",
    buckets: SECONDS_BUCKETS,
    labelNames,
    registers,
  });
  const retries = new Counter({
    name: "farebox_batch_retries_total",
    help: "Batches sent once more, or in another way.",
    labelNames: ["reason"],
    registers,
  });
  const busy = new Counter({
    name: "farebox_busy_items_total",
    help: "Items that waited apart because somebody had locked their pool.",
    registers,
  });
  const waited = new Histogram({
    name: "farebox_busy_seconds",
    help: "How long such items waited for their pool's lock.",
    buckets: SECONDS_BUCKETS,
    registers,
  });
  return {
    batchDone: (kind, count, ms) => {
      items.observe({ kind }, count);
      seconds.observe({ kind }, ms / 1000);
    },
    batchRetried: (reason) => retries.inc({ reason }),
    poolsBusy: (count) => busy.inc(count),
    busyServed: (ms) => waited.observe(ms / 1000),
  };
}
