import { createCustomerApi } from "../api/customer/create-customer-api.ts";
import type { Config } from "../config/config.ts";
import type { Contract } from "../contract/contract.ts";
import { loadContract } from "../contract/load-contract.ts";
import type { ExportLinks } from "../exports/export-links.ts";
import type { Database } from "../ledger/database/database.ts";
import type { Meter } from "../meter/meter.ts";
import type { PortalDoor } from "../pages/portal-door.ts";
import { createPortal } from "../sessions/portal/create-portal.ts";
import { sessionOptions } from "./open-console.ts";

interface PortalServices {
  readonly database: Database;
  readonly config: Config;
  readonly contract: Contract;
  readonly meter: Meter;
  readonly exportLinks: ExportLinks;
  readonly version: string;
}

/**
 * What answers browsers that are signed in to the portal; undefined when it is off. The customer API behind it refuses in the default
 * contract's words, whatever contract the API itself speaks: the pages are ours, and read codes.
 */
export function openPortal(services: PortalServices): PortalDoor | undefined {
  const { config, database, contract } = services;
  if (!config.portal.enabled || !config.customerApi.enabled) return undefined;
  const own = loadContract("farebox");
  const renderRefusal: Contract["renderRefusal"] = (...args) => own.renderRefusal(...args);
  const customerApi = createCustomerApi({ ...services, contract: { ...contract, renderRefusal } });
  return createPortal({ config, customerApi, ...sessionOptions(database, config) });
}
