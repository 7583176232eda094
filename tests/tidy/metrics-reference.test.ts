import assert from "node:assert/strict";
import { test } from "node:test";
import { createExportTelemetry } from "../../src/telemetry/export-telemetry.ts";
import { createGatewayTelemetry } from "../../src/telemetry/gateway-telemetry.ts";
import { createLaneTelemetry } from "../../src/telemetry/lane-telemetry.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMeterTelemetry } from "../../src/telemetry/meter-telemetry.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createRefusalTelemetry } from "../../src/telemetry/refusal-telemetry.ts";
import { createSidecarTelemetry } from "../../src/telemetry/sidecar-telemetry.ts";
import { createSweepTelemetry } from "../../src/telemetry/sweep-telemetry.ts";
import { readTracked } from "./tracked-files.ts";

test("the reference has a row for every metric with its labels, and for nothing else", () => {
  const { registry } = createMetrics();
  const logger = createLogger({ level: "silent", format: "json" });
  createMeterTelemetry(registry, logger);
  createGatewayTelemetry(registry, logger);
  createLaneTelemetry(registry, () => 0);
  createSweepTelemetry(registry, logger);
  createExportTelemetry(registry, logger);
  createSidecarTelemetry(
    registry,
    logger,
    () => 0,
    () => undefined,
  );
  createRefusalTelemetry(registry, () => undefined);
  const own = registry
    .getMetricsAsArray()
    .filter(({ name }) => !name.startsWith("farebox_process_"))
    .map((metric) => `${metric.name}: ${labelsOf(metric).join()}`);
  const rows = readTracked("docs/reference/metrics.md").matchAll(/^\| `(farebox_\w+)` \|([^|]*)\|/gm);
  const documented = [...rows].map(([, name = "", labels = ""]) => {
    const names = [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label);
    return `${name}: ${names.toSorted().join()}`;
  });
  assert.deepEqual(documented.toSorted(), own.toSorted());
});

/** prom-client tells them of a metric without saying so in its types. */
function labelsOf(metric: object): readonly string[] {
  const names: unknown = Reflect.get(metric, "labelNames");
  assert.ok(Array.isArray(names));
  return names.map(String).toSorted();
}
