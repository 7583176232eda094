import {
  AggregatorRegistry,
  collectDefaultMetrics,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";

/** What one metric was at a moment, as a value that can be sent to another process. */
export type MetricSnapshot = MetricObjectWithValues<MetricValue<string>>;

/** The process's metrics, in the Prometheus text format. One registry per running Farebox, so that tests can run several. */
export interface Metrics {
  readonly registry: Registry;
  readonly contentType: string;
  /** The text that `GET /metrics` of the operator listener answers. */
  render(): Promise<string>;
  snapshot(): Promise<readonly MetricSnapshot[]>;
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
  return {
    registry,
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

/** Those of several processes as one: counts are added up, the rest as each metric says (`aggregator`). */
export function sumMetrics(processes: readonly (readonly MetricSnapshot[])[]): Registry {
  return AggregatorRegistry.aggregate([...processes]);
}
