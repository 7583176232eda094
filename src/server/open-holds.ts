import { loadContract } from "../contract/load-contract.ts";
import { DatabaseClock } from "../holds/database-clock.ts";
import type { HoldEvents } from "../holds/hold-events.ts";
import { Holds } from "../holds/holds.ts";
import { ensureSecret } from "../ledger/instance/secret.ts";
import { readAccountState } from "../meter/read-account-state.ts";
import type { HoldOptions } from "../sidecar/hold-parts.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";

/** What callers hold by in this process. Closed by whoever opens it, before the meter. */
export async function openHolds(
  { database, config, patiently }: ProcessParts,
  { ledger, meter }: Instance,
  events: HoldEvents,
): Promise<HoldOptions> {
  const secret = await patiently(() => ensureSecret(database, "holds"));
  const clock = await patiently(() => DatabaseClock.open(database));
  return {
    config,
    contract: loadContract(config.contract),
    meter,
    holds: new Holds({ meter, ledger, database, clock, secret, events }),
    readState: (identity, needs) =>
      readAccountState(
        { meter, database, creditTypes: config.creditTypes, nowMs: Date.now() },
        identity,
        needs,
      ),
    clock: { unixMs: () => Date.now() },
  };
}
