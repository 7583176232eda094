import { join } from "node:path";
import { OperatorUnderTest } from "../../api/operator/testing/operator-under-test.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { OpenApi } from "./operations.ts";
import { renderClient } from "./render-client.ts";

/** Where the client's generated part is. */
export const GENERATED = join(import.meta.dirname, "..", "generated");

/** Describing the API touches no database. */
const none = new Proxy(
  {},
  {
    get: () => {
      throw new Error("the database was used");
    },
  },
);

/** The files of the folder {@link GENERATED} as they must be. */
export async function readGeneratedClient(): Promise<Record<string, string>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const operator = new OperatorUnderTest(none as Database);
  const { body } = await operator.get("/v1/openapi.json");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return await renderClient(body as OpenApi);
}
