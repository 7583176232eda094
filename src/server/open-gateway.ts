import { createCustomerApi } from "../api/customer/create-customer-api.ts";
import { loadContract } from "../contract/load-contract.ts";
import { createGateway, type Gateway } from "../gateway/create-gateway.ts";
import { ensureLinkSecret } from "../ledger/exports/link-secret.ts";
import { readAccountState } from "../meter/read-account-state.ts";
import { readUsageFacts } from "../meter/read-usage-facts.ts";
import { createGatewayTelemetry } from "../telemetry/gateway-telemetry.ts";
import type { TrafficFeed } from "../telemetry/traffic-feed.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";
import { openPortalPages } from "./open-pages.ts";
import { openPortal } from "./open-portal.ts";
import { runExports } from "./run-exports.ts";

export interface GatewayOptions {
  readonly dataDirectory: string;
  readonly version: string;
  /** Who watches what the gateway answers. */
  readonly traffic: TrafficFeed;
}

/**
 * The gateway with the customer API behind it, neither of which knows the other, and the exports that both show. The exports are
 * closed with the rest, the gateway by the caller. Rejects with what is wrong with contract, certificate and the exports' storage.
 */
export async function openGateway(
  parts: ProcessParts,
  { ledger, meter }: Instance,
  { dataDirectory, version, traffic }: GatewayOptions,
): Promise<Gateway> {
  const { database, config, metrics, logger, closing, patiently } = parts;
  const contract = loadContract(config.contract);
  const linkSecret = await patiently(() => ensureLinkSecret(database));
  const owner = ledger.instanceId;
  const exports = await runExports({ database, config, dataDirectory, owner, linkSecret, metrics, logger });
  closing.add("exports", () => exports.stop());
  const { service, links } = exports;
  const { customerApi } = config;
  return createGateway({
    config,
    contract,
    meter,
    accountEndpoints: customerApi.enabled
      ? createCustomerApi({ database, config, contract, meter, exportLinks: links, version })
      : undefined,
    pages: openPortalPages(config),
    portal: openPortal({ database, config, contract, meter, exportLinks: links, version }),
    exports: {
      service,
      links,
      kinds: config.exports.kinds,
      customerApi: customerApi.enabled ? customerApi.path : undefined,
    },
    readState: (identity, needs) => readAccountState({ meter, database, nowMs: Date.now() }, identity, needs),
    readUsage: (identity, question) =>
      readUsageFacts(database, config.creditTypes[0] ?? "credits", identity, question),
    events: createGatewayTelemetry(metrics.registry, logger, traffic),
    clock: { unixMs: () => Date.now() },
  });
}
