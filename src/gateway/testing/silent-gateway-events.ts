import type { GatewayEvents } from "../gateway-events.ts";

/** For tests that look at nothing. */
export const silentGatewayEvents: GatewayEvents = {
  finished() {},
  upstreamFailed() {},
  refunded() {},
  detached() {},
  usageNotSpliced() {},
  clientBroken() {},
  socketRefused() {},
  certificateLoaded() {},
  certificateRefused() {},
  failed() {},
};
