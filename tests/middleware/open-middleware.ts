import { loadContract } from "../../src/contract/load-contract.ts";
import type { GatewayEvents } from "../../src/gateway/gateway-events.ts";
import { silentGatewayEvents } from "../../src/gateway/testing/silent-gateway-events.ts";
import { type MeterUnderTest, TEST_LIMITS, TEST_LISTENER } from "../../src/gateway/testing/world.ts";
import { createMiddleware, type Middleware } from "../../src/middleware/middleware.ts";

interface Differences {
  /** Endpoints that need no key. */
  readonly open?: readonly string[];
  readonly events?: Partial<GatewayEvents>;
}

/** A middleware with the tests' contract and limits, for applications that a test makes. */
export function openMiddleware(
  { meter }: MeterUnderTest,
  { open = [], events }: Differences = {},
): Middleware {
  return createMiddleware({
    config: {
      open,
      gateway: { ...TEST_LIMITS, ...TEST_LISTENER },
      idempotency: { keepHours: 24, maxBodyBytes: 50_000 },
    },
    contract: loadContract("farebox"),
    meter,
    events: { ...silentGatewayEvents, ...events },
    clock: { unixMs: () => Date.now() },
  });
}
