import type { HoldParts } from "./hold-parts.ts";
import type { Senders } from "./listener/senders.ts";
import type { SidecarEvents } from "./sidecar-events.ts";

/** The same, and what the listener has besides. */
export interface SidecarParts extends HoldParts {
  readonly senders: Senders;
  readonly events: SidecarEvents;
}
