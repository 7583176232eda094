import { collectDefaultMetrics, Registry } from "prom-client";

/** The process's metrics, in the Prometheus text format. One registry per running Farebox, so that tests can run several. */
export interface Metrics {
  readonly registry: Registry;
  readonly contentType: string;
  /** The text that `GET /metrics` of the operator listener answers. */
  render(): Promise<string>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "farebox_process_" });
  return { registry, contentType: registry.contentType, render: () => registry.metrics() };
}
