import { FareboxError } from "../domain/farebox-error.ts";
import { createSidecar } from "../sidecar/create-sidecar.ts";
import { createSidecarTelemetry } from "../telemetry/sidecar-telemetry.ts";
import { openHolds } from "./open-holds.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";

/**
 * Listens for APIs that ask for holds, in this process also where the gateway has others. Closed with the rest, before the meter.
 * Undefined: it is off. Rejects as `listen` does.
 */
export async function openSidecar(
  parts: ProcessParts,
  instance: Instance,
  { operatorToken, version }: { readonly operatorToken: string; readonly version: string },
): Promise<string | undefined> {
  const { database, config, metrics, logger, closing } = parts;
  const { listen } = config.sidecar;
  if (listen === undefined) return undefined;
  const events = createSidecarTelemetry(metrics.registry, logger, () => options.holds.open, instance.refused);
  const options = await openHolds(parts, instance, events.holds);
  const sidecar = createSidecar({ ...options, database, operatorToken, events: events.sidecar, version });
  const address = await sidecar.listen(listen).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("listen_failed", `The sidecar cannot listen: ${reason}`, {
      detail: { ...listen, fix: "Stop what listens there, or write another address in sidecar.listen." },
      cause,
    });
  });
  closing.add("sidecar", () => sidecar.close(), "serving");
  return address;
}
