import { createCustomerApi } from "../api/customer/create-customer-api.ts";
import type { Config } from "../config/config.ts";
import { loadContract } from "../contract/load-contract.ts";
import type { GatewayOptions } from "../gateway/gateway-parts.ts";
import { ensureLinkSecret } from "../ledger/exports/link-secret.ts";
import { readAccountState } from "../meter/read-account-state.ts";
import { readUsageFacts } from "../meter/read-usage-facts.ts";
import { createGatewayTelemetry } from "../telemetry/gateway-telemetry.ts";
import type { TrafficFeed } from "../telemetry/traffic-feed.ts";
import type { Instance, ProcessParts } from "./open-instance.ts";
import { openPortalPages } from "./open-pages.ts";
import { openPortal } from "./open-portal.ts";
import { runExports } from "./run-exports.ts";

/** How this process shows exchanges to others. */
export interface ExchangeSettings {
  readonly dataDirectory: string;
  readonly version: string;
  /** Who watches what is answered. */
  readonly traffic: TrafficFeed;
}

/** What a door needs to serve exchanges, but for who does the work. */
export type OpenExchange = GatewayOptions & { readonly config: Config };

/**
 * What every door stands on: the meter, with the customer API and the pages beside it, none of which knows the others, and the exports
 * that they show. The exports are closed with the rest. Rejects with what is wrong with the contract and the exports' storage.
 */
export async function openExchange(
  parts: ProcessParts,
  { ledger, meter, refused }: Instance,
  { dataDirectory, version, traffic }: ExchangeSettings,
): Promise<OpenExchange> {
  const { database, config, metrics, logger, closing, patiently } = parts;
  const contract = loadContract(config.contract);
  const linkSecret = await patiently(() => ensureLinkSecret(database));
  const owner = ledger.instanceId;
  const exports = await runExports({ database, config, dataDirectory, owner, linkSecret, metrics, logger });
  closing.add("exports", () => exports.stop());
  const { service, links } = exports;
  const { customerApi } = config;
  return {
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
    readState: (identity, needs) =>
      readAccountState(
        { meter, database, creditTypes: config.creditTypes, nowMs: Date.now() },
        identity,
        needs,
      ),
    readUsage: (identity, question) =>
      readUsageFacts(database, config.creditTypes[0] ?? "credits", identity, question),
    events: createGatewayTelemetry(metrics.registry, logger, traffic, refused),
    clock: { unixMs: () => Date.now() },
  };
}
