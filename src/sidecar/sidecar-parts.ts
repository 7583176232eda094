import type { Config } from "../config/config.ts";
import type { Contract } from "../contract/contract.ts";
import type { RouteTable } from "../domain/routes/route-table.ts";
import type { AccountStates } from "../exchange/parts/account-states.ts";
import type { Holds } from "../holds/holds.ts";
import type { Meter } from "../meter/meter.ts";
import type { Senders } from "./listener/senders.ts";
import type { SidecarEvents } from "./sidecar-events.ts";

/** What of the configuration it looks at. */
export type SidecarConfig = Pick<Config, "open" | "sidecar" | "idempotency"> & {
  readonly gateway: Pick<Config["gateway"], "drainMs">;
};

/** What all operations share. */
export interface SidecarParts {
  readonly config: SidecarConfig;
  readonly contract: Contract;
  readonly meter: Meter;
  readonly holds: Holds;
  readonly senders: Senders;
  /** What answers show of an account beside their own charge. */
  readonly states: AccountStates;
  readonly openRoutes: RouteTable<true>;
  readonly events: SidecarEvents;
  readonly clock: { unixMs(): number };
  /** Nothing new is held any more. */
  draining: boolean;
}
