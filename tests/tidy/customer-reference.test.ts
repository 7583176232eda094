import assert from "node:assert/strict";
import { test } from "node:test";
import { createCustomerApi } from "../../src/api/customer/create-customer-api.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { loadContract } from "../../src/contract/load-contract.ts";
import { createExportLinks } from "../../src/exports/export-links.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { readTracked } from "./tracked-files.ts";

const DOCUMENT = readTracked("docs/reference/customer-api.md");

/** Building the API touches no database. */
const none = new Proxy({}, { get: () => assert.fail("the database was used") });

const api = createCustomerApi({
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  database: none as Database,
  config: parseConfig("farebox.yaml", "upstream: http://127.0.0.1:9000", {}),
  contract: loadContract("farebox"),
  meter: { priceTable: () => undefined },
  exportLinks: createExportLinks(Buffer.alloc(32), 60, Date.now),
  version: "0.0.0",
});

test("the customer API's reference has a section for every route, and for nothing else", () => {
  const served = api.app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const documented = [...DOCUMENT.matchAll(/^### `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`\n\n\S/gm)].map(
    (match) => match[1] ?? "",
  );
  // The gateway answers these two, which are in the document all the same.
  const others = ["GET /v1/credits/openapi.json", "GET /v1/credits/exports/{export}/files/{name}"];
  assert.deepEqual(documented.toSorted(), [...new Set(served), ...others].toSorted());
});

test("every field and parameter of a request is named in its section", () => {
  const document = JSON.parse(api.findOpen("GET", "/v1/credits/openapi.json")?.body ?? "") as OpenApi;
  let named = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { parameters = [], requestBody }] of Object.entries(methods)) {
      const heading = `\`${method.toUpperCase()} ${path}\``;
      const section = DOCUMENT.split("\n### ").find((text) => text.startsWith(heading)) ?? "";
      const schema = requestBody?.content["application/json"].schema.$ref.split("/").at(-1) ?? "";
      const fields = [
        ...parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name),
        ...Object.keys(document.components.schemas[schema]?.properties ?? {}),
      ];
      named += fields.length;
      const missing = fields.filter((field) => !section.includes(`\`${field}\``));
      assert.deepEqual(missing, [], heading);
    }
  }
  assert.ok(named >= 5);
});

interface OpenApi {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly parameters?: readonly { readonly name: string; readonly in: string }[];
        readonly requestBody?: { readonly content: { "application/json": { schema: { $ref: string } } } };
      }
    >
  >;
  readonly components: { readonly schemas: Record<string, { readonly properties?: object }> };
}
