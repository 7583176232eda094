import { loadContract } from "../contract/load-contract.ts";
import { FareboxError } from "../domain/farebox-error.ts";
import { DatabaseClock } from "../holds/database-clock.ts";
import { Holds } from "../holds/holds.ts";
import { ensureSecret } from "../ledger/instance/secret.ts";
import { readAccountState } from "../meter/read-account-state.ts";
import { createSidecar } from "../sidecar/create-sidecar.ts";
import { createSidecarTelemetry } from "../telemetry/sidecar-telemetry.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";

/**
 * Listens for APIs that ask for holds, in this process also where the gateway has others. Closed with the rest, before the meter.
 * Undefined: it is off. Rejects as `listen` does.
 */
export async function openSidecar(
  { database, config, metrics, logger, closing, patiently }: ProcessParts,
  { ledger, meter }: Instance,
  { operatorToken, version }: { readonly operatorToken: string; readonly version: string },
): Promise<string | undefined> {
  const { listen } = config.sidecar;
  if (listen === undefined) return undefined;
  const secret = await patiently(() => ensureSecret(database, "holds"));
  const clock = await patiently(() => DatabaseClock.open(database));
  const events = createSidecarTelemetry(metrics.registry, logger, () => holds.open);
  const holds = new Holds({ meter, ledger, database, clock, secret, events: events.holds });
  const sidecar = createSidecar({
    config,
    contract: loadContract(config.contract),
    meter,
    holds,
    database,
    operatorToken,
    readState: (identity, needs) => readAccountState({ meter, database, nowMs: Date.now() }, identity, needs),
    events: events.sidecar,
    clock: { unixMs: () => Date.now() },
    version,
  });
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
