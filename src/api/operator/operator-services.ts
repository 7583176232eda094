import type { PriceSurroundings } from "../../config/check-prices.ts";
import type { Config } from "../../config/config.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { ConsoleDoor } from "../../pages/console-door.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { TrafficFeed } from "../../telemetry/traffic-feed.ts";

/** What the operations of the operator API work with. */
export interface OperatorServices {
  readonly database: Database;
  readonly config: PriceSurroundings & Pick<Config, "contract" | "keys" | "portal" | "shards">;
  readonly token: string;
  /** The operators' pages, and who is signed in to them; undefined: there are none. */
  readonly console?: ConsoleDoor | undefined;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "contentType" | "render">;
  /** What this instance answers, for whoever watches. */
  readonly traffic: Pick<TrafficFeed, "readers" | "watch">;
  /** Farebox's own version. */
  readonly version: string;
  /** This instance, which goes on under a new id when it was declared dead. */
  readonly instanceId: () => string;
  /** Processes of the gateway that take requests; none: it is this process. */
  readonly workers: () => readonly { readonly pid: number; readonly instanceId: string }[];
  /** Whether the gateway takes requests: listening, and not draining. */
  readonly isReady: () => boolean;
  /** Whether the heartbeats found that the database is away. */
  readonly isDatabaseAway: () => boolean;
}
