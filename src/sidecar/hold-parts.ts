import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import type { Contract } from "../contract/contract.ts";
import type { RouteTable } from "../domain/routes/route-table.ts";
import { AccountStates, type ReadAccountState } from "../exchange/parts/account-states.ts";
import { openRoutesOf } from "../exchange/parts/exchange-parts.ts";
import type { Holds } from "../holds/holds.ts";
import type { Meter } from "../meter/meter.ts";

/** Holds are looked at so often while they are waited for. */
const DRAIN_LOOK_MS = 50;

/** What of the configuration it looks at. */
type SidecarConfig = Pick<Config, "open" | "sidecar" | "idempotency"> & {
  readonly gateway: Pick<Config["gateway"], "drainMs">;
};

/** What operations on holds share, whoever asks for them. */
export interface HoldParts {
  readonly config: SidecarConfig;
  readonly contract: Contract;
  readonly meter: Meter;
  readonly holds: Holds;
  /** What answers show of an account beside their own charge. */
  readonly states: AccountStates;
  readonly openRoutes: RouteTable<true>;
  readonly clock: { unixMs(): number };
  /** Nothing new is held any more. */
  draining: boolean;
}

export interface HoldOptions {
  readonly config: SidecarConfig;
  readonly contract: Contract;
  readonly meter: Meter;
  readonly holds: Holds;
  readonly readState: ReadAccountState;
  readonly clock: { unixMs(): number };
}

export function createHoldParts({
  config,
  contract,
  meter,
  holds,
  readState,
  clock,
}: HoldOptions): HoldParts {
  return {
    config,
    contract,
    meter,
    holds,
    states: new AccountStates(readState, contract.settledNeeds),
    openRoutes: openRoutesOf(config),
    clock,
    draining: false,
  };
}

/** Waits until every hold is settled or released, within the drain; what is left goes back to its pool. */
export async function endHolds(parts: HoldParts): Promise<void> {
  parts.draining = true;
  const until = performance.now() + parts.config.gateway.drainMs;
  while (parts.holds.open > 0 && performance.now() < until) await wait(DRAIN_LOOK_MS);
  parts.holds.close();
}
