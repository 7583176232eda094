import type { Config } from "../../config/config.ts";
import type { Contract } from "../../contract/contract.ts";
import type { ExportLinks } from "../../exports/export-links.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { Meter } from "../../meter/meter.ts";

/** What the operations of the customer API work with. */
export interface CustomerServices {
  readonly database: Database;
  readonly config: Pick<Config, "creditTypes" | "customerApi" | "keys" | "limits" | "open">;
  readonly contract: Pick<Contract, "renderRefusal" | "findEndpoint" | "keyPlace" | "exports">;
  readonly meter: Pick<Meter, "priceTable">;
  readonly exportLinks: ExportLinks;
  /** Farebox's own version. */
  readonly version: string;
}
