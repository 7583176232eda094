import { collectDefaultMetrics, Registry } from "prom-client";

/** The process's metrics, in the Prometheus text format. One registry per running Farebox, so that tests can run several. */
export interface Metrics {
  readonly registry: Registry;
  readonly contentType: string;
  /** The text that `GET /metrics` of the operator listener answers. */
  render(): Promise<string>;
}

/** The event loop's lag is sampled by a timer. At its default of 10 ms it was most of what an idle process used: 1.3 % of a core. */
const LAG_SAMPLED_EVERY_MS = 100;

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({
    register: registry,
    prefix: "farebox_process_",
    eventLoopMonitoringPrecision: LAG_SAMPLED_EVERY_MS,
  });
  return { registry, contentType: registry.contentType, render: () => registry.metrics() };
}
