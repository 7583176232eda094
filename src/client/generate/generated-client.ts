import { join } from "node:path";
import { createCustomerApi } from "../../api/customer/create-customer-api.ts";
import { OperatorUnderTest } from "../../api/operator/testing/operator-under-test.ts";
import { parseConfig } from "../../config/load-config.ts";
import { loadContract } from "../../contract/load-contract.ts";
import { createExportLinks } from "../../exports/export-links.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { OpenApi } from "./operations.ts";
import { renderClient } from "./render-client.ts";

/** Where the clients' generated parts are. */
export const GENERATED = join(import.meta.dirname, "..", "generated");

/** Describing the APIs touches no database. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const none = new Proxy(
  {},
  {
    get: () => {
      throw new Error("the database was used");
    },
  },
) as Database;

/** The files of the folder {@link GENERATED} as they must be. */
export async function readGeneratedClient(): Promise<Record<string, string>> {
  const { body } = await new OperatorUnderTest(none).get("/v1/openapi.json");
  const operator = await renderClient({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    document: body as OpenApi,
    name: "operator API",
    prefix: "",
    client: "FareboxClient",
    table: "OPERATIONS",
    files: { types: "types.ts", client: "farebox-client.ts", operations: "operations.ts" },
  });
  const customer = await renderClient({
    document: readCustomerDocument(),
    name: "customer API",
    prefix: CUSTOMER_PREFIX,
    client: "CustomerClient",
    table: "CUSTOMER_OPERATIONS",
    files: {
      types: "customer-types.ts",
      client: "customer-client.ts",
      operations: "customer-operations.ts",
    },
  });
  return { ...operator, ...customer };
}

const CUSTOMER_PREFIX = "/v1/credits";

function readCustomerDocument(): OpenApi {
  const api = createCustomerApi({
    database: none,
    config: parseConfig("farebox.yaml", "upstream: http://127.0.0.1:9000", {}),
    contract: loadContract("farebox"),
    meter: { priceTable: () => undefined },
    exportLinks: createExportLinks(Buffer.alloc(32), 60, Date.now),
    version: "0.0.0",
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(api.findOpen("GET", `${CUSTOMER_PREFIX}/openapi.json`)?.body ?? "") as OpenApi;
}
