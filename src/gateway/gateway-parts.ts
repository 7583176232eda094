import type { Duplex } from "node:stream";
import type { Config } from "../config/config.ts";
import {
  createExchangeParts,
  type ExchangeOptions,
  type ExchangeParts,
} from "../exchange/parts/exchange-parts.ts";
import type { GatewayEvents } from "./gateway-events.ts";
import { createUpstreams, type PooledUpstreams } from "./upstreams/upstreams.ts";

/** The part of the configuration that the gateway reads. */
export type GatewayConfig = Pick<Config, "upstreams" | "open" | "gateway" | "idempotency">;

export interface GatewayOptions extends Omit<ExchangeOptions, "upstreams"> {
  readonly config: GatewayConfig;
  readonly events: GatewayEvents;
}

/** What every exchange of a gateway shares, and its connections. */
export interface GatewayParts extends ExchangeParts {
  readonly config: GatewayConfig;
  readonly events: GatewayEvents;
  readonly upstreams: PooledUpstreams;
  /** The client's end of each open tunnel. */
  readonly tunnels: Set<Duplex>;
}

export function createGatewayParts(options: GatewayOptions): GatewayParts {
  const { config, contract, events } = options;
  const upstreams = createUpstreams(config.upstreams, contract.keyHeaders, config.gateway);
  return {
    ...createExchangeParts({ ...options, upstreams }),
    config,
    events,
    upstreams,
    tunnels: new Set(),
  };
}
